import { Effect, Layer } from "effect"
import type { Redacted } from "effect"
import * as RateLimiter from "effect/persistence/RateLimiter"
import type { ExecutionQueue } from "../services/ExecutionQueue.ts"
import { Providers } from "../services/Providers.ts"
import type { Provider } from "../services/Providers.ts"
import { defaultSettings, Settings } from "../services/Settings.ts"
import * as Worker from "../worker/Worker.ts"
import { echo } from "./memory/echo.ts"
import * as DatabasePglite from "./pglite/DatabasePglite.ts"
import { Database } from "./postgres/Database.ts"
import * as ExecutionQueueSql from "./postgres/ExecutionQueueSql.ts"
import { layerMigrated } from "./postgres/migrations.ts"
import { layerStores } from "./postgres/stores.ts"
import { layerServices } from "./Services.ts"

export interface Options {
  /** Who answers prompts beside the built-in echo, which answers for those that are not set up. */
  readonly providers?: ReadonlyArray<Provider> | undefined
  readonly settings?: Partial<Settings> | undefined
}

export interface EmbeddedOptions extends Options {
  /** The folder that keeps the database. One process has it at a time. */
  readonly dataDir: string
}

export interface PostgresOptions extends Options {
  readonly url: Redacted.Redacted
}

export interface RedisOptions extends PostgresOptions {
  readonly redisUrl: Redacted.Redacted
}

/** The given providers, and the echo. */
export const layerProviders = (providers: ReadonlyArray<Provider>) =>
  Layer.succeed(Providers, new Map([echo, ...providers].map((provider) => [provider.name, provider])))

/** The services over a database, a queue and a place to count requests, with the database brought up to date. */
const ledger = <E1, R1, E2>(
  database: Layer.Layer<Database, E1, R1>,
  queue: Layer.Layer<ExecutionQueue, E2, Database>,
  limits: Layer.Layer<RateLimiter.RateLimiterStore>,
  { providers = [], settings }: Options
) =>
  layerServices.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Layer.merge(layerStores, queue).pipe(Layer.provideMerge(layerMigrated(database))),
        limits,
        layerProviders(providers)
      )
    ),
    Layer.provideMerge(Layer.succeed(Settings, { ...defaultSettings, ...settings }))
  )

/**
 * A ledger of its own for each layer that is asked for. Effect builds a layer once for all who are given it, and those of
 * services are the same in every ledger: a second one in a process would share the first one's database and providers.
 */
const ofItsOwn = <A, E, R>(layer: Layer.Layer<A, E, R>) => Layer.suspend(() => Layer.fresh(layer))

const withWorker = <A, E, R>(services: Layer.Layer<A, E, R>) =>
  ofItsOwn(Worker.layer.pipe(Layer.provideMerge(services)))

/** The whole service in memory, worker and all: the same SQL and the same rules as elsewhere, and nothing on disk. */
export const layerMemory = (options: Options = {}) =>
  withWorker(
    ledger(DatabasePglite.layerMemory, ExecutionQueueSql.layer, RateLimiter.layerStoreMemory, options)
  )

/** The whole service in one process, with its database in a folder. */
export const layerEmbedded = (options: EmbeddedOptions) =>
  withWorker(
    ledger(DatabasePglite.layer(options), ExecutionQueueSql.layer, RateLimiter.layerStoreMemory, options)
  )

/** The whole service in one process over PostgreSQL; several such processes may share it. */
export const layerPostgres = (options: PostgresOptions) =>
  withWorker(ledger(Database.layer(options), ExecutionQueueSql.layer, RateLimiter.layerStoreMemory, options))

/** A layer of a module that is loaded only by those who need it. */
const loaded = <Module, A, E, R>(
  load: () => Promise<Module>,
  layerOf: (module: Module) => Layer.Layer<A, E, R>
) => Layer.unwrap(Effect.map(Effect.promise(load), layerOf))

const bullMq = (url: Redacted.Redacted) =>
  loaded(
    () => import("./bullmq/ExecutionQueueBullMq.ts"),
    ({ layer }) => layer({ url })
  )
const redisLimits = (url: Redacted.Redacted) =>
  loaded(
    () => import("./redis/RateLimiterStoreRedis.ts"),
    ({ layer }) => layer({ url })
  )

/** The services over PostgreSQL and Redis, for a process that only accepts work. */
export const layerApi = (options: RedisOptions) =>
  ofItsOwn(ledger(Database.layer(options), bullMq(options.redisUrl), redisLimits(options.redisUrl), options))

/** A worker over PostgreSQL and Redis. */
export const layerWorker = (options: RedisOptions) => withWorker(layerApi(options))
