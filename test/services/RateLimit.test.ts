import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"
import { KeyId } from "../../src/domain/Ids.ts"
import { RateLimit } from "../../src/services/RateLimit.ts"
import { defaultSettings, Settings } from "../../src/services/Settings.ts"

const limitOf = (rate_limit: number) =>
  RateLimit.layer.pipe(
    Layer.provide(RateLimiter.layerStoreMemory),
    Layer.provide(Layer.succeed(Settings, { ...defaultSettings, rate_limit }))
  )
const newKeyId = () => KeyId.make(crypto.randomUUID())

describe("RateLimit", () => {
  it.effect("lets ten seconds' worth through at once, and then so many a second", () =>
    Effect.gen(function* () {
      const { take } = yield* RateLimit
      const key = newKeyId()
      for (let taken = 1; taken <= 20; taken++) {
        assert.deepInclude(yield* take(key), { limit: 20, remaining: 20 - taken })
      }
      const refused = yield* Effect.flip(take(key))
      assert.strictEqual(Duration.toMillis(refused.retry_after), 500)
      yield* TestClock.adjust("499 millis")
      yield* Effect.flip(take(key))
      yield* TestClock.adjust("1 millis")
      assert.deepInclude(yield* take(key), { remaining: 0 })
      yield* TestClock.adjust("1 hour")
      assert.deepInclude(yield* take(key), { remaining: 19 })
    }).pipe(Effect.provide(limitOf(2)))
  )

  it.effect("counts each key by itself", () =>
    Effect.gen(function* () {
      const { take } = yield* RateLimit
      for (const key of [newKeyId(), newKeyId()]) {
        for (let taken = 0; taken < 10; taken++) yield* take(key)
        yield* Effect.flip(take(key))
      }
    }).pipe(Effect.provide(limitOf(1)))
  )

  it.effect("is off when it is 0", () =>
    Effect.gen(function* () {
      const { take } = yield* RateLimit
      assert.isUndefined(yield* take(newKeyId()))
    }).pipe(Effect.provide(limitOf(0)))
  )
})
