import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { check } from "../../src/domain/template/check.ts"
import { filters } from "../../src/domain/template/filters.ts"
import { functions } from "../../src/domain/template/functions.ts"
import {
  defaultRenderLimits,
  MAX_NESTING,
  MAX_PARAMETERS,
  MAX_SOURCE_BYTES
} from "../../src/domain/template/limits.ts"
import { parse } from "../../src/domain/template/parse.ts"
import type { Expression, Statement } from "../../src/domain/template/syntax.ts"
import { makeTemplate } from "../../src/domain/template/Template.ts"
import { tests } from "../../src/domain/template/tests.ts"
import type { Json } from "../../src/domain/template/Value.ts"

const page = readFileSync(join(import.meta.dirname, "../../docs/templates.md"), "utf8")

/** An example: a `jinja` block, the variables as a `json` block where it has any, and what comes of it as `text`. */
const EXAMPLE = /```jinja\n(.*?)\n```\n\n(?:```json\n([^`]*)\n```\n\n)?```text\n(.*?)\n```/gs
const examples = Array.from(page.matchAll(EXAMPLE), ([, source, variables = "{}", expected], index) => ({
  title: `example ${index + 1}: ${source!.split("\n")[0]}`,
  source: source!,
  variables: JSON.parse(variables) as { readonly [name: string]: Json },
  expected: expected!
}))

const misplaced = (error: { _tag: string; line: number; column: number; reason: string }) =>
  Effect.succeed(`${error._tag} at ${error.line}:${error.column}: ${error.reason}`)

/** The text that comes of a template, or the error in words. */
const outcome = (source: string, variables: { readonly [name: string]: Json }) =>
  makeTemplate(source).pipe(
    Effect.flatMap((template) => template.render(variables)),
    Effect.catchTags({
      TemplateSyntaxError: misplaced,
      TemplateForbidden: misplaced,
      TemplateRenderError: misplaced,
      UndefinedVariable: (error) => Effect.succeed(`${error._tag}: ${error.variables.join(", ")}`),
      TemplateLimitExceeded: (error) =>
        Effect.succeed(`${error._tag}: ${error.limit}, at most ${error.maximum}`)
    })
  )

/** The tags of each kind of statement and, where a tag makes one, of expression. */
const tags: Record<Exclude<Statement["_tag"], "Output"> | "Capture" | "CallMacro", ReadonlyArray<string>> = {
  Text: ["raw", "verbatim"],
  If: ["if", "elif", "elseif", "else"],
  For: ["for"],
  Set: ["set"],
  Macro: ["macro"],
  CallMacro: ["call"],
  Capture: ["filter"],
  Switch: ["switch", "case", "default"]
}

/** The names that expressions of one kind have, anywhere in what the examples are parsed to. */
const shown = (kind: Expression["_tag"]): ReadonlySet<string> => {
  const names = new Set<string>()
  const visit = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return
    if ("_tag" in node && node._tag === kind && "name" in node) names.add(String(node.name))
    Object.values(node).forEach(visit)
  }
  for (const { source, expected } of examples) {
    if (!/^Template(?:SyntaxError|Forbidden)/.test(expected)) visit(check(parse(source)))
  }
  return names
}

const chapter = (title: string): string => page.split(`\n## ${title}\n`)[1]!.split("\n## ")[0]!

/** What the tables of a chapter list in their first column. */
const listed = (title: string): ReadonlyArray<string> => {
  const cells = Array.from(chapter(title).matchAll(/^\|([^|]*)\|/gm), ([, cell]) => cell!)
  return cells.flatMap((cell) => Array.from(cell.matchAll(/`([^`]*)`/g), ([, code]) => code!))
}

/** As the tables write it: `name(required, optional?)`. */
const signature = (name: string, callee: { parameters: ReadonlyArray<string>; required: number }): string => {
  const { parameters, required } = callee
  const names = parameters.map((parameter, index) => (index < required ? parameter : `${parameter}?`))
  return parameters.length === 0 ? name : `${name}(${names.join(", ")})`
}
const signatures = (table: Record<string, { parameters: ReadonlyArray<string>; required: number }>) =>
  Object.entries(table).map(([name, callee]) => signature(name, callee))

describe("docs/templates.md", () => {
  for (const { title, source, variables, expected } of examples) {
    it.effect(title, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* outcome(source, variables), expected)
      })
    )
  }

  it("has no template that is not run", () => {
    assert.strictEqual(examples.length, page.split("```jinja").length - 1)
  })

  it("lists and shows every filter", () => {
    assert.sameMembers([...listed("Filters")], signatures(filters))
    assert.includeMembers([...shown("Filter")], Object.keys(filters))
  })

  it("lists and shows every test", () => {
    assert.sameMembers([...listed("Tests")], signatures(tests))
    // The parser makes one of `is none` and `is null`.
    const names = Object.keys(tests).filter((name) => name !== "null")
    assert.includeMembers([...shown("Test")], names)
  })

  it("lists and shows every function", () => {
    const names = new Set(listed("Functions").map((code) => code.replace(/\(.*/, "")))
    assert.sameMembers([...names], Object.keys(functions))
    assert.includeMembers([...shown("CallFunction")], Object.keys(functions))
  })

  it("shows every tag under a heading of its own", () => {
    const headings = chapter("Tags")
      .match(/(?<=^### ).*/gm)!
      .join(", ")
      .split(", ")
    const used = examples.flatMap(({ source }) =>
      Array.from(source.matchAll(/\{%-? (\w+)/g), ([, tag]) => tag!)
    )
    for (const tag of Object.values(tags).flat()) {
      assert.include(used, tag)
      if (tag !== "elseif") assert.include(headings, tag)
    }
  })

  it("tells every limit", () => {
    const { steps, text, depth, millis } = defaultRenderLimits
    for (const limit of [MAX_SOURCE_BYTES, MAX_NESTING, MAX_PARAMETERS, steps, text, depth, millis]) {
      assert.match(chapter("Limits"), new RegExp(`\\| ${limit.toLocaleString("en")}\\b`))
    }
  })
})
