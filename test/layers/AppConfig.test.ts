import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Duration, Effect, Redacted } from "effect"
import { inspect } from "node:util"
import { formatKey, KEY_BYTES } from "../../src/domain/Access.ts"
import { AppConfig } from "../../src/layers/AppConfig.ts"

const read = (env: Record<string, string>) =>
  AppConfig.pipe(
    Effect.provide(AppConfig.layer),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
  )

const faultsOf = (env: Record<string, string>) => Effect.map(Effect.flip(read(env)), ({ faults }) => faults)

describe("the configuration", () => {
  it.effect("needs nothing to be set", () =>
    Effect.gen(function* () {
      const config = yield* read({})
      assert.deepInclude(config, {
        port: 8000,
        host: "127.0.0.1",
        workerPort: undefined,
        database: { _tag: "Embedded", dataDir: "./data" },
        redisUrl: undefined,
        apiKey: undefined,
        openai: undefined,
        logLevel: "Info",
        logFormat: process.stdout.isTTY ? "pretty" : "json"
      })
      assert.strictEqual(Duration.toSeconds(config.settings.provider_timeout), 60)
      assert.strictEqual(config.settings.worker_concurrency, 32)
      assert.strictEqual(config.settings.rate_limit, 1_000)
      assert.deepStrictEqual(config.settings.retain, { bodies: undefined, executions: undefined })
    })
  )

  it.effect("reads every variable", () =>
    Effect.gen(function* () {
      const config = yield* read({
        PORT: "9000",
        WORKER_PORT: "9001",
        HOST: "0.0.0.0",
        DATABASE_URL: "postgres://user:pass@db/ledger",
        REDIS_URL: "rediss://redis",
        API_KEY: "0123456789abcdef",
        OPENAI_API_KEY: "sk-secret",
        OPENAI_BASE_URL: "http://localhost:1234/v1",
        OPENAI_API: "responses",
        WORKER_CONCURRENCY: "4",
        RATE_LIMIT: "0",
        LOG_LEVEL: "debug",
        LOG_FORMAT: "json"
      })
      assert.deepInclude(config, {
        port: 9000,
        workerPort: 9001,
        host: "0.0.0.0",
        logLevel: "Debug",
        logFormat: "json"
      })
      assert(config.database._tag === "Postgres")
      assert.strictEqual(Redacted.value(config.database.url), "postgres://user:pass@db/ledger")
      assert.strictEqual(Redacted.value(config.redisUrl!), "rediss://redis")
      assert.strictEqual(Redacted.value(config.apiKey!), "0123456789abcdef")
      assert.strictEqual(Redacted.value(config.openai!.apiKey!), "sk-secret")
      assert.deepInclude(config.openai, { baseUrl: "http://localhost:1234/v1", api: "responses" })
      assert.strictEqual(config.settings.worker_concurrency, 4)
      assert.strictEqual(config.settings.rate_limit, 0)
      assert.notMatch(inspect(config, { depth: null }), /sk-secret|pass@|0123456789abcdef/)
    })
  )

  it.effect("takes an admin key that a caller can send, and that opens", () =>
    Effect.gen(function* () {
      const takes = (API_KEY: string) => read({ API_KEY })
      const issued = formatKey(new Uint8Array(KEY_BYTES))
      for (const key of [issued, "correct horse battery", "pl_of-my-own-making"]) {
        assert.strictEqual(Redacted.value((yield* takes(key)).apiKey!), key)
      }
      for (const key of [
        `${issued}\n`,
        " 0123456789abcdef",
        "0123456789abcdef\t",
        "0123456789abcdéf",
        " ".repeat(16)
      ]) {
        assert.deepStrictEqual(yield* faultsOf({ API_KEY: key }), [
          "API_KEY: Expected at least 16 ASCII characters, with no space or line break at either end"
        ])
      }
      assert.deepStrictEqual(yield* faultsOf({ API_KEY: issued.replace(/.$/, "-") }), [
        "API_KEY: Expected a key as it was issued, or one that does not begin with pl_"
      ])
    })
  )

  it.effect("takes a provider's key that can be sent, without the line break that a file ends with", () =>
    Effect.gen(function* () {
      const { openai } = yield* read({ OPENAI_API_KEY: "sk-of-a-file\n" })
      assert.strictEqual(Redacted.value(openai!.apiKey!), "sk-of-a-file")
      for (const key of ["sk-one\nsk-two", "sk-é", "sk 1"]) {
        assert.deepStrictEqual(yield* faultsOf({ OPENAI_API_KEY: key }), [
          "OPENAI_API_KEY: Expected ASCII characters, with no space or line break between them"
        ])
      }
    })
  )

  it.effect("takes times in milliseconds, seconds and minutes", () =>
    Effect.gen(function* () {
      for (const [text, millis] of [
        ["90", 90_000],
        ["90 s", 90_000],
        ["1.5s", 1_500],
        ["500ms", 500],
        ["1.005 s", 1_005],
        ["2147483647 ms", 2_147_483_647],
        ["2 m", 120_000]
      ] as const) {
        const { settings } = yield* read({ PROVIDER_TIMEOUT: text })
        assert.strictEqual(Duration.toMillis(settings.provider_timeout), millis)
      }
    })
  )

  it.effect("takes whole milliseconds only, and no more than timers do", () =>
    Effect.gen(function* () {
      for (const text of ["2500.5 ms", "0.0001 s", "2147483648 ms", "2147484 s", "9".repeat(400)]) {
        assert.deepStrictEqual(yield* faultsOf({ LEASE: text }), [
          "LEASE: Expected whole milliseconds, at most 2147483647 (24 days)"
        ])
      }
    })
  )

  it.effect("takes the times that work goes by, and a heartbeat that may be missed once", () =>
    Effect.gen(function* () {
      const { settings } = yield* read({
        LEASE: "4 s",
        HEARTBEAT: "2 s",
        SWEEP: "1 s",
        GRACE: "500 ms",
        DRAIN: "3 s"
      })
      const { lease, heartbeat, sweep, grace, drain } = settings
      assert.deepStrictEqual(
        [lease, heartbeat, sweep, grace, drain].map(Duration.toMillis),
        [4_000, 2_000, 1_000, 500, 3_000]
      )
      assert.deepStrictEqual(yield* faultsOf({ LEASE: "4 s", HEARTBEAT: "2001 ms" }), [
        "HEARTBEAT: Expected at most half of LEASE, so that one heartbeat may be missed"
      ])
    })
  )

  it.effect("takes ages in days and hours, and drops no execution before its bodies", () =>
    Effect.gen(function* () {
      for (const [text, hours] of [
        ["90 days", 2_160],
        ["90d", 2_160],
        ["1 day", 24],
        ["12 h", 12],
        ["36 hours", 36],
        ["1hour", 1]
      ] as const) {
        const { settings } = yield* read({ RETAIN_BODIES: text, RETAIN_EXECUTIONS: "90 d" })
        assert.strictEqual(Duration.toHours(settings.retain.bodies!), hours)
        assert.strictEqual(Duration.toDays(settings.retain.executions!), 90)
      }
      for (const text of ["90", "0 d", "90 m", "1.5 d", "-1 d", "d", "100000 days", "for ever"]) {
        assert.deepStrictEqual(yield* faultsOf({ RETAIN_BODIES: text }), [
          "RETAIN_BODIES: Expected an age like 90 days, 90d or 12 h"
        ])
      }
      assert.deepStrictEqual(yield* faultsOf({ RETAIN_BODIES: "90 days", RETAIN_EXECUTIONS: "2159 h" }), [
        "RETAIN_EXECUTIONS: Expected at least RETAIN_BODIES, since bodies go with their execution"
      ])
      const { settings } = yield* read({ RETAIN_EXECUTIONS: "1 d", RETAIN_BODIES: "" })
      assert.isUndefined(settings.retain.bodies)
    })
  )

  it.effect("keeps nothing on disk when told to, and calls a server that asks for no key", () =>
    Effect.gen(function* () {
      const { database, openai } = yield* read({
        DATA_DIR: "memory:",
        OPENAI_BASE_URL: "http://localhost/v1"
      })
      assert.deepStrictEqual(database, { _tag: "Memory" })
      assert.deepStrictEqual(openai, {
        apiKey: undefined,
        baseUrl: "http://localhost/v1",
        api: "chat_completions"
      })
    })
  )

  it.effect("tells every fault at once, by its variable's name, and quotes no value", () =>
    Effect.gen(function* () {
      const wrong = {
        PORT: "70000",
        WORKER_PORT: "-1",
        DATABASE_URL: "mysql://secret-host",
        REDIS_URL: "secret redis",
        API_KEY: "short-secret",
        OPENAI_BASE_URL: "ftp://secret",
        OPENAI_API: "secret-api",
        PROVIDER_TIMEOUT: "secret minutes",
        LEASE: "0 s",
        HEARTBEAT: "secret",
        SWEEP: "-1 s",
        GRACE: "1 secret",
        DRAIN: "secret",
        WORKER_CONCURRENCY: "0",
        RATE_LIMIT: "-1",
        RETAIN_BODIES: "90 secret",
        RETAIN_EXECUTIONS: "0 d",
        LOG_LEVEL: "secret-loud",
        LOG_FORMAT: "secret-xml",
        OTEL_EXPORTER_OTLP_ENDPOINT: "secret-collector:4318"
      }
      const error = yield* Effect.flip(read(wrong))
      assert.deepStrictEqual(
        error.faults.map((fault) => fault.slice(0, fault.indexOf(":"))).toSorted(),
        Object.keys(wrong).toSorted()
      )
      for (const name of Object.keys(wrong)) assert.include(error.message, `  ${name}: `)
      assert.notInclude(error.message, "secret")
    })
  )

  it.effect("refuses Redis without a database that is shared too", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* faultsOf({ REDIS_URL: "redis://localhost" }), [
        "REDIS_URL: needs DATABASE_URL too: a queue shared between processes over a database that is not"
      ])
    })
  )

  it.effect("takes an empty variable for one that is not given", () =>
    Effect.gen(function* () {
      const env = {
        PORT: "",
        HOST: "",
        DATABASE_URL: "",
        DATA_DIR: "",
        REDIS_URL: "",
        API_KEY: "",
        OPENAI_API_KEY: ""
      }
      const { port, host, database, apiKey } = yield* read(env)
      assert.deepStrictEqual([port, host, apiKey], [8000, "127.0.0.1", undefined])
      assert.deepStrictEqual(database, { _tag: "Embedded", dataDir: "./data" })
    })
  )
})
