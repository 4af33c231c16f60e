import { Context, Effect, Layer } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { Access } from "../services/Access.ts"
import { Analytics } from "../services/Analytics.ts"
import { Authentication } from "../services/Authentication.ts"
import { Executions } from "../services/Executions.ts"
import { Health } from "../services/Health.ts"
import { Lifecycle } from "../services/Lifecycle.ts"
import { Metrics } from "../services/Metrics.ts"
import { Prompts } from "../services/Prompts.ts"
import { RateLimit } from "../services/RateLimit.ts"
import { Retention } from "../services/Retention.ts"
import { Rollups } from "../services/Rollups.ts"
import { ConfigInvalid } from "./AppConfig.ts"
import type { AppConfig, DatabaseConfig } from "./AppConfig.ts"
import { holdsCluster } from "./pglite/cluster.ts"
import type { DataDirUnavailable } from "./pglite/dataDirLock.ts"
import * as DatabasePglite from "./pglite/DatabasePglite.ts"
import { Database } from "./postgres/Database.ts"
import { layerMigrated } from "./postgres/migrations.ts"
import { layerStores } from "./postgres/stores.ts"
import * as PromptLedger from "./PromptLedger.ts"

/** What needs the package of OpenAI is loaded by those who have set it up. */
const optionsOf = ({ openai, settings }: AppConfig["Service"]): Effect.Effect<PromptLedger.Options> =>
  openai === undefined
    ? Effect.succeed({ settings })
    : Effect.map(
        Effect.promise(() => import("./openai/OpenAiProvider.ts")),
        ({ openAiProvider }) => ({ providers: [openAiProvider(openai)], settings })
      )

/** What an API process asks its services for. Each request copies the services that its server knows, so these are all. */
const asked = Context.pick(
  Access,
  Analytics,
  Authentication,
  Executions,
  Health,
  Lifecycle,
  Metrics,
  Prompts,
  RateLimit
)

/** The services of an API process, as its configuration asks for them. Without Redis it works too. */
export const layerApi = (config: AppConfig["Service"]) =>
  Layer.unwrap(
    Effect.map(optionsOf(config), (options) => {
      const { database, redisUrl } = config
      if (database._tag === "Memory") return PromptLedger.layerMemory(options)
      if (database._tag === "Embedded")
        return PromptLedger.layerEmbedded({ ...options, dataDir: database.dataDir })
      const { url } = database
      return redisUrl === undefined
        ? PromptLedger.layerPostgres({ ...options, url })
        : PromptLedger.layerApi({ ...options, url, redisUrl })
    })
  ).pipe(Layer.flatMap((services) => Layer.succeedContext(asked(services))))

/** The services of a process that works alone, over the database that the API has. */
export const layerWorker = (config: AppConfig["Service"]) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { database, redisUrl } = config
      if (database._tag !== "Postgres") {
        const faults = [
          "DATABASE_URL: a worker needs the database of the API, since it shares its executions"
        ]
        return yield* new ConfigInvalid({ faults })
      }
      const options = { ...(yield* optionsOf(config)), url: database.url }
      return redisUrl === undefined
        ? PromptLedger.layerPostgres(options)
        : PromptLedger.layerWorker({ ...options, redisUrl })
    })
  )

/** Projects and keys alone, for the command line: no worker, no queue. */
export const layerAccess = ({ database }: AppConfig["Service"], ledger: LedgerState) =>
  Access.layer.pipe(Layer.provideMerge(Authentication.layer), Layer.provide(storesOf(database, ledger)))

/** What keeps the rollups, over the database that the service has. */
export const layerRollups = ({ database }: AppConfig["Service"]) =>
  Rollups.layer.pipe(Layer.provide(storesOf(database, "begun")))

/** What drops old executions and bodies, over the database that the service has. */
export const layerRetention = ({ database }: AppConfig["Service"]) =>
  Layer.mergeAll(Retention.layer, Rollups.layer).pipe(Layer.provide(storesOf(database, "begun")))

/** Whether a command may begin a ledger. One that works on what is there was not told where that is if it finds none. */
export type LedgerState = "begun" | "new or begun"

const storesOf = (database: DatabaseConfig, ledger: LedgerState) =>
  layerStores.pipe(
    Layer.provide(layerMigrated(databaseOf(database))),
    Layer.provide(ledger === "begun" ? Layer.effectDiscard(findLedger(database)) : Layer.empty)
  )

const findLedger = Effect.fnUntraced(function* (database: DatabaseConfig) {
  if (database._tag === "Postgres" || (database._tag === "Embedded" && holdsCluster(database.dataDir))) return
  const faults = ["DATA_DIR: holds no ledger: Expected the service's DATA_DIR, or its DATABASE_URL"]
  return yield* new ConfigInvalid({ faults })
})

const databaseOf = (database: DatabaseConfig): Layer.Layer<Database, DataDirUnavailable | SqlError> => {
  if (database._tag === "Postgres") return Database.layer(database)
  return database._tag === "Memory" ? DatabasePglite.layerMemory : DatabasePglite.layer(database)
}
