import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Result } from "effect"
import { makeTemplate } from "../../../src/domain/template/Template.ts"
import type { RenderError } from "../../../src/domain/template/Template.ts"
import type { TemplateForbidden, TemplateSyntaxError } from "../../../src/domain/template/errors.ts"
import type { Json } from "../../../src/domain/template/Value.ts"
import hostile from "../../corpora/hostile-templates.json" with { type: "json" }
import strictness from "../../corpora/strictness.json" with { type: "json" }
import { observe, told } from "./observe.ts"

type Variables = { readonly [name: string]: Json }
interface Hostile {
  readonly id: string
  readonly template?: string
  readonly gen?: ReadonlyArray<readonly [string, number]>
  readonly variables: Variables
  readonly expect: string
  readonly output?: string
}

const deep = (depth: number): Json => {
  let value: Json = []
  for (let level = 1; level < depth; level++) value = [value]
  return value
}

/** The corpus keeps large values by name: `__STR9__` stands for nine letters. */
const expand = (value: Json): Json => {
  if (typeof value === "string") {
    const [, kind, count] = /^__([A-Z]+?)(\d+)x?__$/.exec(value) ?? []
    const times = Number(count)
    switch (kind) {
      case "STR":
        return "a".repeat(times)
      case "LINES":
        return "a\n".repeat(times)
      case "WS":
        return `x${" ".repeat(times)}x`
      case "LT":
        return "<".repeat(times)
      case "CMT":
        return "<!--".repeat(times / 4)
      case "URLZ":
        return "www.".repeat(times / 4)
      case "DEEP":
        return deep(times)
      case "ARR":
        return Array.from({ length: times }, (_, index) => index)
      default:
        return value === "__RAWPROTO__" ? (JSON.parse('{"__proto__":{"polluted":1}}') as Json) : value
    }
  }
  if (Array.isArray(value)) return value.map(expand)
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item)]))
  }
  return value
}

const sourceOf = ({ template, gen }: Hostile) =>
  template ?? gen!.map(([text, times]) => text.repeat(times)).join("")

const run = (source: string, variables: Variables) =>
  makeTemplate(source).pipe(
    Effect.flatMap((template) => template.render(variables)),
    Effect.result
  )
type Outcome = Result.Result<string, TemplateSyntaxError | TemplateForbidden | RenderError>
const tagOf = (outcome: Outcome) => (Result.isFailure(outcome) ? outcome.failure._tag : "ok")

describe("hostile templates", () => {
  for (const entry of hostile as unknown as ReadonlyArray<Hostile>) {
    it(`${entry.id} (${entry.expect})`, () => {
      const { outcome, harm } = observe(sourceOf(entry), expand(entry.variables) as Variables)
      assert.isUndefined(harm)
      assert.notProperty(globalThis, "__pwned")
      assert.notProperty({}, "polluted")
      switch (entry.expect) {
        case "render":
          assert.strictEqual(told(outcome), `ok ${entry.output}`)
          break
        case "reject":
          assert.match(told(outcome)!, /^Template(?:Forbidden|SyntaxError) /)
          break
        default:
          if (Exit.isSuccess(outcome)) {
            assert.notInclude(outcome.value, process.version)
            assert.notMatch(outcome.value, /function|=>|native code|at .*\.ts/)
          }
      }
    })
  }
})

/** Where ours refuses what Jinja2 lets pass, on purpose; anything else must agree. */
const stricter: Record<string, string> = {
  "and-short": "a variable counts wherever it stands",
  "dflt-var-unused": "a variable counts wherever it stands",
  "for-in-list-with-missing": "a variable counts wherever it stands",
  "if-in-empty": "a variable counts wherever it stands",
  "iif-body-unused": "a variable counts wherever it stands",
  "mac-arg-passed-undefined-unused": "a variable counts wherever it stands",
  "op-list-out": "a variable counts wherever it stands",
  "or-short": "a variable counts wherever it stands",
  "set-list-len": "a variable counts wherever it stands",
  "mac-missing-call": "a call of what is no macro or function is refused at registration",
  "op-call-attr": "methods cannot be called",
  "key-missing-method": "an object has only its own keys, no methods"
}
/** The text of values follows nunjucks: `true` and `false`, nothing for null. */
const textOf: Record<string, string> = {
  "out-false": "false",
  "out-null": "[]",
  "name-none": "[]",
  "dflt-null": ""
}

describe("strictness, against Jinja2's StrictUndefined", () => {
  for (const { id, template, variables, undeclared, jinja2 } of strictness) {
    it.effect(id, () =>
      Effect.gen(function* () {
        const outcome = yield* run(template, variables as Variables)
        const tag = tagOf(outcome)
        if (id === "key-missing-method") assert.deepStrictEqual(outcome, Result.succeed("n"))
        else if (id in stricter) assert.include(["UndefinedVariable", "TemplateForbidden"], tag)
        else if (jinja2.outcome === "ok") {
          assert.deepStrictEqual(outcome, Result.succeed(textOf[id] ?? jinja2.output!))
        } else if (jinja2.outcome === "undefined") assert.strictEqual(tag, "UndefinedVariable")
        else assert.notStrictEqual(tag, "ok")

        const made = yield* Effect.exit(makeTemplate(template))
        if (Exit.isSuccess(made)) {
          assert.deepStrictEqual(
            made.value.variables.map(({ name }) => name).toSorted(),
            undeclared.toSorted()
          )
        }
      })
    )
  }
})
