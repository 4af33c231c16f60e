import {
  Config,
  Context,
  Data,
  Duration,
  Effect,
  Layer,
  Option,
  Redacted,
  Result,
  Schema,
  SchemaIssue
} from "effect"
import type { LogLevel } from "effect"
import { isMistyped } from "../domain/Access.ts"
import { inOrder } from "../domain/retention.ts"
import type { RetentionBounds } from "../domain/retention.ts"
import { defaultSettings } from "../services/Settings.ts"
import type { Settings } from "../services/Settings.ts"
import { Age, Seconds } from "./durations.ts"
import type { OpenAiOptions } from "./openai/OpenAiProvider.ts"

/** Faults in the environment, all of them: each names its variable, and none quotes a value. */
export class ConfigInvalid extends Data.TaggedError("ConfigInvalid")<{
  readonly faults: ReadonlyArray<string>
}> {
  override get message() {
    return `The configuration is not usable:\n${this.faults.map((fault) => `  ${fault}`).join("\n")}`
  }
}

/** Where the ledger is kept. */
export type DatabaseConfig =
  | { readonly _tag: "Postgres"; readonly url: Redacted.Redacted }
  | { readonly _tag: "Embedded"; readonly dataDir: string }
  | { readonly _tag: "Memory" }

/** The configuration of a process (design section 9): read once, at its start, from the environment alone. */
export class AppConfig extends Context.Service<
  AppConfig,
  {
    /** 0 for any that is free. */
    readonly port: number
    readonly host: string
    /** Where a worker tells its state; nowhere when none is given. */
    readonly workerPort: number | undefined
    readonly database: DatabaseConfig
    /** Redis for the queue; workers claim from the database, and the API is one too, where none is given. */
    readonly redisUrl: Redacted.Redacted | undefined
    /** The default project's admin key; one is made at the first start where none is given. */
    readonly apiKey: Redacted.Redacted | undefined
    /** The built-in echo answers where it is not set up. */
    readonly openai: OpenAiOptions | undefined
    readonly settings: Settings
    readonly logLevel: LogLevel.LogLevel
    readonly logFormat: "pretty" | "json"
    /** Whether telemetry has somewhere to go. The other settings of OpenTelemetry are read by those who export it. */
    readonly telemetry: boolean
  }
>()("promptledger/layers/AppConfig") {
  static readonly layer = Layer.effect(
    AppConfig,
    Effect.suspend(() => read)
  )
}

const LOG_LEVELS = {
  trace: "Trace",
  debug: "Debug",
  info: "Info",
  warn: "Warn",
  error: "Error",
  none: "None"
} as const

const optionalUrl = (name: string, protocols: ReadonlyArray<string>) =>
  Config.option(
    Config.schema(
      Schema.String.check(
        Schema.makeFilter((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
          message: `Expected a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`
        })
      ),
      name
    )
  )

const port = (name: string) =>
  Config.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 })), name)

const time = (name: string, otherwise: Duration.Duration) =>
  Config.withDefault(Config.schema(Seconds, name), otherwise)

const age = (name: string) => Config.option(Config.schema(Age, name))

/** What a caller can send as `X-API-Key`: a header's value has no other characters, and loses the space around it. */
const SENDABLE = /^[\x21-\x7e][\x20-\x7e]{14,}[\x21-\x7e]$/

/** What is not given takes its default; an empty variable counts as not given. */
const fields = {
  PORT: Config.withDefault(port("PORT"), 8000),
  HOST: Config.withDefault(Config.NonEmptyString("HOST"), "127.0.0.1"),
  WORKER_PORT: Config.option(port("WORKER_PORT")),
  DATABASE_URL: optionalUrl("DATABASE_URL", ["postgres:", "postgresql:"]),
  DATA_DIR: Config.withDefault(Config.NonEmptyString("DATA_DIR"), "./data"),
  REDIS_URL: optionalUrl("REDIS_URL", ["redis:", "rediss:"]),
  API_KEY: Config.option(
    Config.schema(
      Schema.String.check(
        Schema.isPattern(SENDABLE, {
          message: "Expected at least 16 ASCII characters, with no space or line break at either end"
        }),
        Schema.makeFilter((key) => !isMistyped(key), {
          message: "Expected a key as it was issued, or one that does not begin with pl_"
        })
      ),
      "API_KEY"
    )
  ),
  OPENAI_API_KEY: Config.option(
    Config.schema(
      Schema.Trim.check(
        Schema.isPattern(/^[\x21-\x7e]+$/, {
          message: "Expected ASCII characters, with no space or line break between them"
        })
      ),
      "OPENAI_API_KEY"
    )
  ),
  OPENAI_BASE_URL: optionalUrl("OPENAI_BASE_URL", ["http:", "https:"]),
  OPENAI_API: Config.withDefault(
    Config.Literals(["chat_completions", "responses"], "OPENAI_API"),
    "chat_completions"
  ),
  PROVIDER_TIMEOUT: time("PROVIDER_TIMEOUT", defaultSettings.provider_timeout),
  LEASE: time("LEASE", defaultSettings.lease),
  HEARTBEAT: time("HEARTBEAT", defaultSettings.heartbeat),
  SWEEP: time("SWEEP", defaultSettings.sweep),
  GRACE: time("GRACE", defaultSettings.grace),
  DRAIN: time("DRAIN", defaultSettings.drain),
  WORKER_CONCURRENCY: Config.withDefault(
    Config.schema(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 })), "WORKER_CONCURRENCY"),
    defaultSettings.worker_concurrency
  ),
  RATE_LIMIT: Config.withDefault(
    Config.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })), "RATE_LIMIT"),
    defaultSettings.rate_limit
  ),
  RETAIN_BODIES: age("RETAIN_BODIES"),
  RETAIN_EXECUTIONS: age("RETAIN_EXECUTIONS"),
  LOG_LEVEL: Config.withDefault(
    Config.Literals(["trace", "debug", "info", "warn", "error", "none"], "LOG_LEVEL"),
    "info"
  ),
  LOG_FORMAT: Config.option(Config.Literals(["pretty", "json"], "LOG_FORMAT")),
  OTEL_EXPORTER_OTLP_ENDPOINT: optionalUrl("OTEL_EXPORTER_OTLP_ENDPOINT", ["http:", "https:"])
}

type Fields = typeof fields
type Values = { readonly [Name in keyof Fields]: Config.Success<Fields[Name]> }

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** What is wrong, by the names of the variables. */
export const faultsOf = ({ cause }: Config.ConfigError): ReadonlyArray<string> =>
  Schema.isSchemaError(cause)
    ? issuesOf(cause.issue).issues.map(({ path = [], message }) => `${path.join("_")}: ${message}`)
    : [cause.message]

const readFields = Effect.gen(function* () {
  const names = Object.keys(fields) as ReadonlyArray<keyof Fields>
  const results = yield* Effect.forEach(names, (name) =>
    Effect.result(fields[name] as Config.Config<unknown>)
  )
  const faults = results.flatMap((result) => (Result.isFailure(result) ? faultsOf(result.failure) : []))
  const values = Object.fromEntries(
    results.map((result, index) => [names[index], Result.isSuccess(result) ? result.success : undefined])
  ) as Values
  return { faults, values }
})

const secret = (text: Option.Option<string>) =>
  Option.getOrUndefined(Option.map(text, (value) => Redacted.make(value)))

const databaseOf = ({ DATABASE_URL, DATA_DIR }: Values): DatabaseConfig => {
  const url = secret(DATABASE_URL)
  if (url !== undefined) return { _tag: "Postgres", url }
  return DATA_DIR === "memory:" ? { _tag: "Memory" } : { _tag: "Embedded", dataDir: DATA_DIR }
}

const retainOf = ({ RETAIN_BODIES, RETAIN_EXECUTIONS }: Values): RetentionBounds => ({
  bodies: Option.getOrUndefined(RETAIN_BODIES),
  executions: Option.getOrUndefined(RETAIN_EXECUTIONS)
})

const read = Effect.gen(function* () {
  const { faults, values } = yield* readFields
  // A variable that is at fault has no value here.
  if (values.REDIS_URL?._tag === "Some" && values.DATABASE_URL?._tag === "None") {
    faults.push(
      "REDIS_URL: needs DATABASE_URL too: a queue shared between processes over a database that is not"
    )
  }
  if (
    values.LEASE &&
    values.HEARTBEAT &&
    Duration.isGreaterThan(Duration.times(values.HEARTBEAT, 2), values.LEASE)
  ) {
    faults.push("HEARTBEAT: Expected at most half of LEASE, so that one heartbeat may be missed")
  }
  if (values.RETAIN_BODIES && values.RETAIN_EXECUTIONS && !inOrder(retainOf(values))) {
    faults.push("RETAIN_EXECUTIONS: Expected at least RETAIN_BODIES, since bodies go with their execution")
  }
  if (faults.length > 0) return yield* new ConfigInvalid({ faults })

  const apiKey = secret(values.OPENAI_API_KEY)
  const baseUrl = Option.getOrUndefined(values.OPENAI_BASE_URL)
  return AppConfig.of({
    port: values.PORT,
    host: values.HOST,
    workerPort: Option.getOrUndefined(values.WORKER_PORT),
    database: databaseOf(values),
    redisUrl: secret(values.REDIS_URL),
    apiKey: secret(values.API_KEY),
    openai:
      apiKey === undefined && baseUrl === undefined ? undefined : { apiKey, baseUrl, api: values.OPENAI_API },
    settings: {
      ...defaultSettings,
      provider_timeout: values.PROVIDER_TIMEOUT,
      lease: values.LEASE,
      heartbeat: values.HEARTBEAT,
      sweep: values.SWEEP,
      grace: values.GRACE,
      drain: values.DRAIN,
      worker_concurrency: values.WORKER_CONCURRENCY,
      rate_limit: values.RATE_LIMIT,
      retain: retainOf(values)
    },
    logLevel: LOG_LEVELS[values.LOG_LEVEL],
    logFormat: Option.getOrElse(values.LOG_FORMAT, () => (process.stdout.isTTY ? "pretty" : "json")),
    telemetry: Option.isSome(values.OTEL_EXPORTER_OTLP_ENDPOINT)
  })
})
