import { assert, describe, it } from "@effect/vitest"
import { globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** Who may import whom (design section 3): values and types alike. */
const MAY_IMPORT: Record<string, ReadonlyArray<string>> = {
  domain: ["domain"],
  services: ["services", "domain"],
  "http/api": ["http/api", "domain"],
  http: ["http", "services", "domain", "layers/AppConfig.ts"],
  worker: ["worker", "services", "domain"],
  layers: ["layers", "worker/Worker.ts", "services", "domain", "migrations"]
}

/** The entrypoints and the composed layers see everything. */
const SEES_EVERYTHING = /^(?:index|http\/(?:main|process)|worker\/(?:main|process)|cli\/.*)\.ts$/

/** Packages that only the layers that wrap them may know. */
const WRAPPED: Record<string, RegExp> = {
  bullmq: /^layers\/bullmq\//,
  ioredis: /^layers\/(?:bullmq|redis)\//,
  openai: /^layers\/openai\//,
  undici: /^layers\/openai\//,
  nunjucks: /^domain\/template\/parse\.ts$/,
  "@electric-sql/pglite": /^layers\/pglite\//,
  "@effect/sql-pg": /^layers\/(?:postgres|pglite)\//
}

/** Indexes of which a start would load every module for the one that it uses; commands may take that time. */
const WHOLE = new Set([
  "effect/cli",
  "effect/observability",
  "effect/persistence",
  "effect/reactivity",
  "effect/sql",
  "@effect/platform-node"
])
const COMMANDS = /^cli\//

const SRC = join(import.meta.dirname, "../src")
const files = globSync("**/*.ts", { cwd: SRC }).filter((file) => !file.endsWith(".d.ts"))
const importsOf = (file: string) =>
  [...readFileSync(join(SRC, file), "utf8").matchAll(/from "([^"]+)"/g)].map(([, specifier]) => specifier!)

/** The part of the source that a file is in: the longest prefix that has a rule. */
const partOf = (file: string) =>
  Object.keys(MAY_IMPORT)
    .filter((part) => file.startsWith(`${part}/`))
    .toSorted((a, b) => b.length - a.length)[0]

describe("the architecture", () => {
  it("has one direction of dependencies", () => {
    for (const file of files) {
      if (SEES_EVERYTHING.test(file)) continue
      const allowed = MAY_IMPORT[partOf(file)!]
      assert.isDefined(allowed, file)
      for (const specifier of importsOf(file).filter((name) => name.startsWith("."))) {
        const target = join(dirname(file), specifier)
        const fits = allowed!.some((part) =>
          part === "migrations"
            ? target.startsWith("../migrations/")
            : target === part || target.startsWith(`${part}/`)
        )
        assert.isTrue(fits, `${file} imports ${target}`)
      }
    }
  })

  it("keeps packages behind the layers that wrap them", () => {
    const astray = files.filter((file) =>
      Object.entries(WRAPPED).some(([name, home]) => importsOf(file).includes(name) && !home.test(file))
    )
    assert.deepStrictEqual(astray, [])
  })

  it("starts without modules that it does not use", () => {
    const astray = files.filter(
      (file) => !COMMANDS.test(file) && importsOf(file).some((name) => WHOLE.has(name))
    )
    assert.deepStrictEqual(astray, [])
  })

  it("does no I/O in the domain, and asks no clock", () => {
    const impure = files
      .filter((file) => file.startsWith("domain/"))
      .filter(
        (file) =>
          /Date\.now|new Date\(\)|Math\.random|Clock\.|process\.|fetch\(/.test(
            readFileSync(join(SRC, file), "utf8")
          ) || importsOf(file).some((name) => name.startsWith("node:") && name !== "node:crypto")
      )
    assert.deepStrictEqual(impure, [])
  })

  it("has no barrel but the package's own", () => {
    const barrels = files.filter((file) =>
      /^export (?:\*|\{[^}]*\}) (?:as \w+ )?from/m.test(readFileSync(join(SRC, file), "utf8"))
    )
    assert.deepStrictEqual(barrels, ["index.ts"])
  })
})
