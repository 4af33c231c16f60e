import { Context, Duration, Effect, Layer } from "effect"
import type { Redacted } from "effect"
import * as RateLimiter from "effect/persistence/RateLimiter"
import * as Redis from "effect/persistence/Redis"
import { CONNECT_TIMEOUT, connect, impatient, untilReady } from "./connect.ts"

/** The keys of rate limits, beside those of the queue. */
const PREFIX = "{promptledger}:rate:"

/** A request waits no longer than this for its count. */
const PATIENCE = Duration.millis(100)
/** How long a process counts by itself after Redis failed. */
const AWAY = Duration.seconds(5)

/**
 * Counts requests in Redis, so that all processes share a key's limit. While Redis is away each process counts by
 * itself: a limit is not worth an outage.
 */
export const layer = ({ url }: { readonly url: Redacted.Redacted }) =>
  Layer.effect(
    RateLimiter.RateLimiterStore,
    Effect.gen(function* () {
      const redis = yield* connect(url, impatient)
      yield* Effect.timeoutOption(untilReady(redis), CONNECT_TIMEOUT)
      const unused = Effect.die(new Error("rate limits use one connection"))
      const commands = yield* Redis.make({
        send: <A>(command: string, ...args: ReadonlyArray<string>) =>
          Effect.tryPromise({
            try: () => redis.call(command, ...args) as Promise<A>,
            catch: (cause) => new Redis.RedisError({ cause })
          }),
        subscribe: () => unused,
        connect: unused
      })
      const shared = yield* RateLimiter.makeStoreRedis({ prefix: PREFIX }).pipe(
        Effect.provideService(Redis.Redis, commands)
      )
      const own = Context.get(yield* Layer.build(RateLimiter.layerStoreMemory), RateLimiter.RateLimiterStore)
      let awayUntil = 0

      return RateLimiter.RateLimiterStore.of({
        ...own,
        tokenBucket: (options) =>
          Effect.suspend(() =>
            performance.now() < awayUntil
              ? own.tokenBucket(options)
              : shared.tokenBucket(options).pipe(
                  Effect.timeout(PATIENCE),
                  Effect.catch(() => {
                    awayUntil = performance.now() + Duration.toMillis(AWAY)
                    return own.tokenBucket(options)
                  })
                )
          )
      })
    })
  )
