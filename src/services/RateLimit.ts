import { Context, Duration, Effect, Layer, Schema } from "effect"
import * as RateLimiter from "effect/persistence/RateLimiter"
import type { KeyId } from "../domain/Ids.ts"
import { Settings } from "./Settings.ts"

/** A key has asked more often than it may. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  limit: Schema.Int,
  retry_after: Schema.Duration
}) {
  override get message(): string {
    return `The key has used up its ${this.limit} requests. They come back one by one.`
  }
}

/** What a key has left of its requests. */
export interface Allowance {
  /** Requests that it may make at once. */
  readonly limit: number
  readonly remaining: number
  /** When it has them all again. */
  readonly reset_after: Duration.Duration
}

/** A key's bucket holds what it may do in this time. */
export const WINDOW = Duration.seconds(10)

/** Bounds how often a key asks: a token bucket, refilled at `rate_limit` requests a second, of ten seconds' worth. */
export class RateLimit extends Context.Service<
  RateLimit,
  {
    /** Takes one request from the key's bucket. Nothing where no limit is set. */
    readonly take: (key_id: KeyId) => Effect.Effect<Allowance | undefined, RateLimited>
  }
>()("promptledger/services/RateLimit") {
  static readonly layer = Layer.effect(
    RateLimit,
    Effect.gen(function* () {
      const limiter = yield* RateLimiter.RateLimiter
      const { rate_limit } = yield* Settings
      const limit = Math.ceil(rate_limit * Duration.toSeconds(WINDOW))
      if (limit === 0) return RateLimit.of({ take: () => Effect.undefined })

      return RateLimit.of({
        take: (key) =>
          limiter.consume({ key, limit, window: WINDOW, algorithm: "token-bucket" }).pipe(
            Effect.map(({ remaining, resetAfter }) => ({ limit, remaining, reset_after: resetAfter })),
            Effect.catch(({ reason }) =>
              reason._tag === "RateLimitExceeded"
                ? Effect.fail(new RateLimited({ limit, retry_after: reason.retryAfter }))
                : Effect.die(reason)
            )
          )
      })
    })
  ).pipe(Layer.provide(RateLimiter.layer))
}
