import { Queue, Worker } from "bullmq"
import { Effect, FiberSet, Layer, Option, Redacted } from "effect"
import { RateLimiter } from "effect/persistence"
import { Redis } from "ioredis"
import {
  Database,
  defaultSettings,
  ExecutionQueue,
  ExecutionStore,
  layerMigrated,
  layerServices,
  layerStores,
  openAiProvider,
  Settings
} from "promptledger"
import type { ExecutionId } from "promptledger"
import { AppConfig } from "../../../src/layers/AppConfig.ts"
import { layerProviders } from "../../../src/layers/PromptLedger.ts"

/*
 * The service as it is often written: insert, then enqueue, and trust the queue from there on. No sweeper, no guard at
 * the claim, no lease and no fence at the write. The suite has to catch it.
 */

/** Claims whatever it is told to, whoever has it; ends attempts for anybody; loses nothing, since it looks for nothing. */
const carelessStore = Layer.effect(
  ExecutionStore,
  Effect.gen(function* () {
    const store = yield* ExecutionStore
    const { write: sql } = yield* Database

    const seize = (execution_id: ExecutionId) => sql`
      UPDATE executions SET status = 'queued', next_attempt_at = now() - interval '1 second',
        lease_expires_at = NULL, completed_at = NULL, attempts = least(attempts, 3)
      WHERE execution_id = ${execution_id} RETURNING epoch`

    const epochOf = (execution_id: ExecutionId) =>
      Effect.map(
        sql<{ readonly epoch: number }>`
          UPDATE executions SET status = 'running', next_attempt_at = NULL, completed_at = NULL,
            lease_expires_at = now() + interval '1 hour'
          WHERE execution_id = ${execution_id} RETURNING epoch`,
        ([row]) => row!.epoch
      )

    return ExecutionStore.of({
      ...store,
      claim: ({ execution_id }, duration) =>
        Effect.flatMap(Effect.orDie(seize(execution_id)), ([row]) =>
          store.claim({ execution_id, epoch: (row as { readonly epoch: number }).epoch }, duration)
        ),
      finish: ({ execution_id }, end) =>
        Effect.flatMap(Effect.orDie(epochOf(execution_id)), (epoch) =>
          store.finish({ execution_id, epoch }, end)
        ),
      renew: Effect.succeed,
      release: () => Effect.succeed(Option.none()),
      recover: () => Effect.succeed([]),
      due: () => Effect.succeed([])
    })
  })
)

/** BullMQ with nothing but its defaults: ids of its own, jobs kept, locks of 30 s. */
const plainQueue = (url: string) =>
  Layer.effect(
    ExecutionQueue,
    Effect.sync(() => {
      const connect = () => {
        const redis = new Redis(url, { maxRetriesPerRequest: null })
        redis.on("error", () => {})
        return redis
      }
      const queue = new Queue("executions", { connection: connect(), prefix: "{promptledger}" })
      queue.on("error", () => {})
      return ExecutionQueue.of({
        enqueue: (wakeUps) =>
          Effect.asVoid(
            Effect.promise(() =>
              queue.addBulk(wakeUps.map(({ execution_id }) => ({ name: "execute", data: { execution_id } })))
            )
          ),
        consume: Effect.fnUntraced(function* ({ answer }, { concurrency }) {
          const run = yield* FiberSet.makeRuntimePromise()
          const worker = new Worker(
            "executions",
            ({ data }) => run(answer({ execution_id: data.execution_id, epoch: 0 })),
            { connection: connect(), prefix: "{promptledger}", concurrency }
          )
          worker.on("error", () => {})
          yield* Effect.addFinalizer(() => Effect.promise(() => worker.close()))
        }),
        ping: Effect.void
      })
    })
  )

/** The services over the careless store and the plain queue. */
export const layerNaive = ({ database, redisUrl, openai, settings }: AppConfig["Service"]) => {
  if (database._tag !== "Postgres" || redisUrl === undefined || openai === undefined) {
    throw new Error("DATABASE_URL, REDIS_URL and OPENAI_BASE_URL are needed")
  }
  const stores = layerStores.pipe(Layer.provideMerge(layerMigrated(Database.layer({ url: database.url }))))
  return layerServices.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        carelessStore.pipe(Layer.provideMerge(stores)),
        plainQueue(Redacted.value(redisUrl)),
        RateLimiter.layerStoreMemory,
        layerProviders([openAiProvider(openai)])
      )
    ),
    Layer.provideMerge(Layer.succeed(Settings, { ...defaultSettings, ...settings }))
  )
}
