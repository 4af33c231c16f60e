/*
 * What a service that embeds the ledger may export without a type of its own: compiled as that service would
 * (`test/package.test.ts`), so that each type which the library's have in them has to have a name there.
 */
import { Effect, Redacted } from "effect"
import { HttpApiClient } from "effect/http-api"
import {
  Access,
  Analytics,
  AnalyticsStore,
  Api,
  Authentication,
  Database,
  DatabaseHealth,
  DatabasePglite,
  defaultSettings,
  ExecutionQueue,
  ExecutionQueueBullMq,
  ExecutionQueueSql,
  Executions,
  ExecutionStore,
  Health,
  KeyStore,
  layerMigrated,
  layerServices,
  layerStores,
  Lifecycle,
  makeTemplate,
  Metrics,
  migrate,
  openAiProvider,
  PromptLedger,
  Prompts,
  PromptStore,
  Providers,
  RateLimiterStoreRedis,
  Retention,
  RetentionStore,
  Rollups,
  RollupStore,
  Server,
  Sweeper,
  Worker
} from "promptledger"

const url = Redacted.make("redis://localhost")
const options = { url, redisUrl: url }
const address = { port: 0, host: "localhost", drain: defaultSettings.drain }

export const services = Effect.all([
  Access,
  Analytics,
  Authentication,
  Executions,
  Health,
  Lifecycle,
  Metrics,
  Prompts,
  Retention,
  Rollups,
  Sweeper
])

export const ports = Effect.all([
  AnalyticsStore,
  Database,
  DatabaseHealth,
  ExecutionQueue,
  ExecutionStore,
  KeyStore,
  PromptStore,
  Providers,
  RetentionStore,
  RollupStore
])

export const layers = [
  PromptLedger.layerMemory(),
  PromptLedger.layerEmbedded({ dataDir: "data" }),
  PromptLedger.layerPostgres(options),
  PromptLedger.layerApi(options),
  PromptLedger.layerWorker(options),
  PromptLedger.layerProviders([openAiProvider({ apiKey: url })]),
  Server.layer(address),
  Server.layerWorker(address),
  Worker.layer,
  layerServices,
  layerStores,
  layerMigrated(DatabasePglite.layerMemory),
  Database.layer(options),
  DatabasePglite.layer({ dataDir: "data" }),
  ExecutionQueueBullMq.layer(options),
  ExecutionQueueSql.layer,
  RateLimiterStoreRedis.layer(options)
] as const

export { migrate }
export const rendered = Effect.flatMap(makeTemplate("Hello"), ({ render }) => render({}))

export const ran = Effect.gen(function* () {
  const { analytics, executions, prompts } = yield* HttpApiClient.make(Api)
  const model = { provider: "echo", model_name: "echo" } as const
  yield* prompts.upsert({ params: { name: "greeting" }, payload: { template_source: "Hello" } })
  yield* analytics.prompts({ query: {} })
  return yield* executions.run({
    params: {},
    headers: {},
    payload: { prompt_name: "greeting", variables: {}, model }
  })
})
