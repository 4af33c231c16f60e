import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect, Layer } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { AppConfig } from "../../src/layers/AppConfig.ts"
import * as Observability from "../../src/layers/Observability.ts"

const textOf = (file: string) => readFileSync(join(import.meta.dirname, "../..", file), "utf8")
const compose = textOf("docker-compose.yml")
const example = textOf(".env.example")

type Env = Readonly<Record<string, string>>

const read = (env: Env) =>
  AppConfig.pipe(
    Effect.provide(AppConfig.layer),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )

/** The variables that an effect asks its configuration for. */
const askedBy = Effect.fnUntraced(function* <A, E>(effect: Effect.Effect<A, E>, env: Env = {}) {
  const names = new Set<string>()
  const given = ConfigProvider.fromEnv({ env })
  const recording = ConfigProvider.make((path) => {
    names.add(path.join("_"))
    return given.load(path)
  })
  yield* Effect.provideService(effect, ConfigProvider.ConfigProvider, recording)
  return [...names]
})

const settings = askedBy(AppConfig.pipe(Effect.provide(AppConfig.layer)))

/** What is read of OpenTelemetry's variables once traces are exported. */
const telemetry = Effect.gen(function* () {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", OTEL_TRACES_EXPORTER: "otlp" }
  const config = yield* read({ ...env, LOG_LEVEL: "none" })
  return yield* askedBy(Effect.scoped(Layer.build(Observability.layer(config))), env)
})

const inCode = (text: string) => Array.from(text.matchAll(/`([^`]*)`/g), ([, code]) => code!)

/** The settings of the README's table with their defaults; a default in words, like "forever", is none. */
const inReadme = (): Env => {
  const chapter = textOf("README.md").split("\n## Configuration\n")[1]!.split("\n## ")[0]!
  const rows = Array.from(chapter.matchAll(/^\| (`.*?) +\| (.*?) *\|/gm), ([, names, defaults]) => {
    const values = /^`[^`]*`(?:, `[^`]*`)*$/.test(defaults!) ? inCode(defaults!) : []
    return inCode(names!).map((name, index) => [name, values[index] ?? ""])
  })
  return Object.fromEntries(rows.flat())
}

const inExample = (): Env =>
  Object.fromEntries(Array.from(example.matchAll(/^(\w+)=(.*)$/gm), ([, name, value]) => [name, value]))

describe("the README's settings and .env.example", () => {
  it.effect("have every setting that is read, and none that is not", () =>
    Effect.gen(function* () {
      const documented = Object.keys(inReadme())
      assert.includeMembers(documented, yield* settings)
      assert.includeMembers([...(yield* settings), ...(yield* telemetry)], documented)
    })
  )

  it.effect("have the defaults that hold", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(inExample(), inReadme())
      // With a provider, since without one it makes no difference which of its APIs is called.
      const provider = { OPENAI_BASE_URL: "http://localhost" }
      const unset = yield* read(provider)
      for (const [name, value] of Object.entries(inReadme())) {
        if (value !== "") assert.deepStrictEqual(yield* read({ ...provider, [name]: value }), unset, name)
      }
    })
  )
})

describe("docker-compose.yml", () => {
  const own = ["POSTGRES_PORT", "REDIS_PORT"]
  const passed = [...new Set(Array.from(compose.matchAll(/\$\{(\w+)/g), ([, name]) => name!))]

  it.effect("gives the service settings only, and passes each on under its own name", () =>
    Effect.gen(function* () {
      const known = [...(yield* settings), ...(yield* telemetry)]
      const given = Array.from(compose.matchAll(/^ {4,6}([A-Z]\w+): (.+)$/gm), ([, name, value]) => ({
        name: name!,
        value: value!
      })).filter(({ name }) => !name.startsWith("POSTGRES_"))
      assert.includeMembers(
        known,
        given.map(({ name }) => name)
      )
      for (const { name, value } of given) {
        if (value.startsWith("$")) assert.match(value, new RegExp(`^\\$\\{${name}:-(?:json)?\\}$`))
      }
      assert.includeMembers([...known, ...own], passed)
    })
  )

  it.effect("fixes those settings that .env.example says it fixes, and no others", () =>
    Effect.gen(function* () {
      const [, fixed] = /Under docker compose these are fixed, .*: (.*)\.$/m.exec(example)!
      assert.sameMembers(
        fixed!.split(", "),
        (yield* settings).filter((name) => !passed.includes(name))
      )
      for (const name of own) assert.include(example, name)
    })
  )
})
