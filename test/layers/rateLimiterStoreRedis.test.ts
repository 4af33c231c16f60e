import { assert, layer } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Redacted } from "effect"
import { RateLimiter } from "effect/persistence"
import { inject } from "vitest"
import * as RateLimiterStoreRedis from "../../src/layers/redis/RateLimiterStoreRedis.ts"
import { proxyTo, through } from "../support/proxy.ts"

const storeAt = (url: string) =>
  Effect.map(Layer.build(Layer.fresh(RateLimiterStoreRedis.layer({ url: Redacted.make(url) }))), (context) =>
    Context.get(context, RateLimiter.RateLimiterStore)
  )

const one = (key: string) => ({
  key,
  tokens: 1,
  limit: 5,
  refillRate: Duration.minutes(1),
  allowOverflow: false
})

/** Takes one of a bucket, and tells what is left of it. */
const take = (store: RateLimiter.RateLimiterStore["Service"], key: string) =>
  Effect.map(store.tokenBucket(one(key)), ([remaining]) => remaining)

layer(Layer.empty, { excludeTestServices: true })("rate limits in Redis", (it) => {
  it.effect("are shared by processes", () =>
    Effect.gen(function* () {
      const stores = [yield* storeAt(inject("redisUrl")), yield* storeAt(inject("redisUrl"))] as const
      const key = crypto.randomUUID()
      assert.deepStrictEqual(
        [yield* take(stores[0], key), yield* take(stores[1], key), yield* take(stores[0], key)],
        [4, 3, 2]
      )
    })
  )

  it.effect("are each process's own while Redis is away", () =>
    Effect.gen(function* () {
      const proxy = yield* proxyTo(inject("redisUrl"))
      const store = yield* storeAt(through(proxy, inject("redisUrl")))
      yield* proxy.blackHole
      const key = crypto.randomUUID()
      const left: Array<number> = []
      for (let taken = 0; taken < 6; taken++) left.push(yield* take(store, key))
      assert.deepStrictEqual(left, [4, 3, 2, 1, 0, -1])
    })
  )
})
