import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { newFolder } from "./support/database.ts"

const ROOT = join(import.meta.dirname, "..")
const TSC = join(ROOT, "node_modules/.bin/tsc")

/** The compiler's complaints: none when all is well. */
const compile = (cwd: string, ...options: ReadonlyArray<string>) =>
  spawnSync(TSC, options, { cwd, encoding: "utf8" }).stdout

/** The strictest settings that a project may have. `dom` is for the types of Effect. */
const STRICTEST = {
  target: "es2024",
  lib: ["es2024", "dom"],
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  isolatedModules: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  declaration: true,
  emitDeclarationOnly: true,
  outDir: "dist"
}

const RESOLUTIONS = [{ module: "nodenext" }, { module: "esnext", moduleResolution: "bundler" }]

/** A project that has the package installed, as it is built and packed. */
const newProject = Effect.gen(function* () {
  const folder = yield* newFolder
  const modules = join(folder, "node_modules")
  const installed = join(modules, "promptledger")
  mkdirSync(installed, { recursive: true })
  for (const name of readdirSync(join(ROOT, "node_modules")))
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name))
  cpSync(join(ROOT, "package.json"), join(installed, "package.json"))
  const built = compile(
    ROOT,
    "-p",
    "tsconfig.build.json",
    "--emitDeclarationOnly",
    "--outDir",
    join(installed, "dist")
  )
  assert.strictEqual(built, "")
  cpSync(join(ROOT, "test/support/consumer.ts"), join(folder, "consumer.ts"))
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }))
  return folder
})

describe("the package", () => {
  it.effect(
    "has a name for each type that a project of the strictest settings may infer",
    () =>
      Effect.gen(function* () {
        const project = yield* newProject
        for (const resolution of RESOLUTIONS) {
          const compilerOptions = { ...STRICTEST, ...resolution }
          writeFileSync(
            join(project, "tsconfig.json"),
            JSON.stringify({ compilerOptions, files: ["consumer.ts"] })
          )
          assert.strictEqual(compile(project), "", JSON.stringify(resolution))
        }
      }),
    120_000
  )
})
