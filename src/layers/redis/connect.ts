import { Duration, Effect, Redacted } from "effect"
import { Redis } from "ioredis"
import type { RedisOptions } from "ioredis"
import type { Socket } from "node:net"
import { reasonOf } from "../../services/reasonOf.ts"
import { gathering } from "../gathering.ts"

/** How long one command may take: without it a Redis that hangs would hang its callers too. */
export const COMMAND_TIMEOUT = Duration.seconds(1)
export const CONNECT_TIMEOUT = Duration.seconds(2)

type ConnectionOptions = Pick<
  RedisOptions,
  "commandTimeout" | "enableOfflineQueue" | "maxRetriesPerRequest" | "socketTimeout"
>

/** Options for commands that somebody waits for: each fails soon, and a connection that fell silent is dropped. */
export const impatient: ConnectionOptions = {
  commandTimeout: Duration.toMillis(COMMAND_TIMEOUT),
  // A command that timed out leaves a connection that may be dead: without this it would be kept for long.
  socketTimeout: Duration.toMillis(CONNECT_TIMEOUT),
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0
}

/** What a primary that became a replica says of a write; Redis 6 puts it into the midst of a script's error. */
const isReadOnly = ({ message }: Error) => message.includes("READONLY")

/**
 * A connection that is made again whenever it is lost, or leads to a replica: after a failover the address may be
 * another server's, while the old one keeps its connections open. Closed with the scope.
 */
export const connect = (url: Redacted.Redacted, options: ConnectionOptions) =>
  Effect.gen(function* () {
    const log = yield* connectionLog
    return yield* Effect.acquireRelease(
      Effect.sync(() => {
        const redis = new Redis(Redacted.value(url), {
          connectTimeout: Duration.toMillis(CONNECT_TIMEOUT),
          retryStrategy: (times) => Math.min(100 * 2 ** times, 2_000),
          reconnectOnError: isReadOnly,
          ...options
        })
        redis.on("connect", () => gathering(redis.stream as Socket))
        redis.on("error", log.lost)
        redis.on("ready", log.ready)
        return redis
      }),
      (redis) => Effect.sync(() => redis.disconnect())
    )
  })

/** Says when the connection is lost and when it is back, once each: ioredis tells of every try. */
const connectionLog = Effect.gen(function* () {
  const run = Effect.runForkWith(yield* Effect.context())
  let lost = false
  return {
    lost: (error: Error) => {
      if (!lost) run(Effect.logWarning(`Redis cannot be reached: ${reasonOf(error)}`))
      lost = true
    },
    ready: () => {
      if (lost) run(Effect.logInfo("Redis is back"))
      lost = false
    }
  }
})

export const untilReady = (redis: Redis) =>
  Effect.callback<void>((resume) => {
    if (redis.status === "ready") return resume(Effect.void)
    redis.once("ready", () => resume(Effect.void))
  })
