import { Queue } from "bullmq"
import { Effect } from "effect"
import { Redis } from "ioredis"

/** The queue's Redis, reached past the service. */
export const openQueue = Effect.fnUntraced(function* (url: string) {
  const redis = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 100 })
      client.on("error", () => {})
      return client
    }),
    (client) => Effect.sync(() => client.disconnect())
  )
  const queue = new Queue("executions", {
    connection: redis,
    prefix: "{promptledger}",
    skipVersionCheck: true
  })
  queue.on("error", () => {})

  return {
    redis,
    /** Adds a wake-up call under an id of its own choice. */
    add: (jobId: string, execution_id: string) =>
      Effect.asVoid(
        Effect.promise(() =>
          queue.add("execute", { execution_id }, { jobId, removeOnComplete: true, removeOnFail: true })
        )
      ),
    jobs: Effect.promise(() => queue.getJobCounts()),
    /** Lets the locks of dead workers expire at once. */
    expireLocks: Effect.promise(async () => {
      const locks = await redis.keys("{promptledger}:executions:*:lock")
      if (locks.length > 0) await redis.del(...locks)
    }),
    flush: Effect.asVoid(Effect.promise(() => redis.flushall()))
  }
})

export type WorkQueue = Effect.Success<ReturnType<typeof openQueue>>
