import { Queue, Worker } from "bullmq"
import type { Job } from "bullmq"
import { Duration, Effect, Layer } from "effect"
import type { Redacted } from "effect"
import type { Redis } from "ioredis"
import { ExecutionId } from "../../domain/Ids.ts"
import { ExecutionQueue, QueueUnavailable } from "../../services/ExecutionQueue.ts"
import type { Lease } from "../../services/ExecutionStore.ts"
import { makeFibers } from "../../services/fibers.ts"
import { reasonOf } from "../../services/reasonOf.ts"
import { CONNECT_TIMEOUT, connect, impatient, untilReady } from "../redis/connect.ts"

export interface BullMqOptions {
  readonly url: Redacted.Redacted
  /** Keeps the keys of several services on one Redis apart. */
  readonly prefix?: string
}

const QUEUE = "executions"
/** The braces keep all keys in one slot of a Redis cluster. */
const PREFIX = "{promptledger}"

/** How long an idle worker waits for a call with one command. */
const BLOCKED = Duration.seconds(5)
/** When a connection that says nothing is given up: later than that wait, or it would break it. */
const SILENCE = Duration.seconds(7)
/** How long closing waits for Redis, once the calls under way have been handled. */
const CLOSE_TIMEOUT = "2 seconds"

/** A job's id is `<execution>-<epoch>`: BullMQ ignores an id that it has already. Its data is the execution's id. */
const addTo =
  (queue: Queue) =>
  ({ execution_id, epoch }: Lease) =>
    queue.add(
      "execute",
      { execution_id },
      { jobId: `${execution_id}-${epoch}`, removeOnComplete: true, removeOnFail: true }
    )

const leaseOf = (jobId: string): Lease => {
  const dash = jobId.lastIndexOf("-")
  return { execution_id: ExecutionId.make(jobId.slice(0, dash)), epoch: Number(jobId.slice(dash + 1)) }
}

/** Of a command that was not even sent, the client says how it is set up. */
const unavailableAt = (redis: Redis) => (cause: unknown) =>
  new QueueUnavailable({
    detail: redis.status === "ready" ? reasonOf(cause) : "there is no connection to Redis"
  })

/** `ExecutionQueue` on Redis, by BullMQ. */
export const layer = ({ url, prefix = PREFIX }: BullMqOptions) =>
  Layer.effect(
    ExecutionQueue,
    Effect.gen(function* () {
      const redis = yield* connect(url, impatient)
      // A Redis that is down does not keep the service from starting.
      yield* Effect.timeoutOption(untilReady(redis), CONNECT_TIMEOUT)
      const queue = yield* Effect.acquireRelease(
        Effect.sync(() => {
          const producer = new Queue(QUEUE, { connection: redis, prefix, skipWaitingForReady: true })
          // Told by the connection's own listener; without one here BullMQ would throw.
          producer.on("error", () => {})
          return producer
        }),
        (producer) => closing(() => producer.close())
      )
      yield* Effect.forkScoped(warnOfEviction(redis))
      const unavailable = unavailableAt(redis)

      return ExecutionQueue.of({
        // By commands of their own, which go out together all the same: BullMQ's own way to add several takes more CPU.
        enqueue: (wakeUps) =>
          Effect.asVoid(
            Effect.tryPromise({ try: () => Promise.all(wakeUps.map(addTo(queue))), catch: unavailable })
          ),

        consume: Effect.fnUntraced(function* ({ answer }, { concurrency }) {
          const connection = yield* connect(url, {
            maxRetriesPerRequest: null,
            socketTimeout: Duration.toMillis(SILENCE)
          })
          const handling = yield* makeFibers
          const handle = (job: Job) =>
            new Promise<void>((resolve) => {
              handling.run(answer(leaseOf(job.id!))).addObserver(() => resolve())
            })
          yield* Effect.acquireRelease(
            Effect.sync(() => {
              const worker = new Worker(QUEUE, handle, {
                connection,
                prefix,
                concurrency,
                drainDelay: Duration.toSeconds(BLOCKED),
                lockDuration: Duration.toMillis("15 seconds"),
                stalledInterval: Duration.toMillis("5 seconds"),
                maxStalledCount: Number.MAX_SAFE_INTEGER
              })
              worker.on("error", () => {})
              return worker
            }),
            (worker) =>
              closing(() => worker.pause(true)).pipe(
                Effect.andThen(handling.awaitEmpty),
                Effect.andThen(closing(() => worker.close()))
              )
          )
        }),

        // A replica answers a PING and refuses this.
        ping: Effect.asVoid(
          Effect.tryPromise({ try: () => redis.set(`${prefix}:ping`, "", "PX", 1_000), catch: unavailable })
        )
      })
    })
  )

/** Closes what may wait for a Redis that is gone. */
const closing = (close: () => Promise<void>) =>
  Effect.tryPromise(close).pipe(Effect.timeout(CLOSE_TIMEOUT), Effect.ignore)

/** A Redis that evicts keys drops wake-up calls: nothing is lost by it, but executions start late. */
const warnOfEviction = (redis: Redis) =>
  untilReady(redis).pipe(
    Effect.andThen(
      Effect.tryPromise(() => redis.config("GET", "maxmemory-policy") as Promise<ReadonlyArray<string>>)
    ),
    Effect.flatMap(([, policy]) =>
      policy === "noeviction"
        ? Effect.void
        : Effect.logWarning(`Redis evicts keys (${policy}): set maxmemory-policy to noeviction`)
    ),
    // Some hosted Redis refuse CONFIG.
    Effect.ignore
  )
