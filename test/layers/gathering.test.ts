import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { once } from "node:events"
import { inject } from "vitest"
import { connect, impatient, untilReady } from "../../src/layers/redis/connect.ts"

layer(Layer.empty, { excludeTestServices: true })("commands of one turn of the event loop", (it) => {
  it.effect("are sent to Redis together, also over a connection that was made again", () =>
    Effect.gen(function* () {
      const redis = yield* connect(Redacted.make(inject("redisUrl")), impatient)
      const askTogether = Effect.gen(function* () {
        yield* untilReady(redis)
        const sent = redis.stream.bytesWritten - redis.stream.writableLength
        const answers = Promise.all([redis.echo("one"), redis.echo("two")])
        assert.strictEqual(redis.stream.bytesWritten - redis.stream.writableLength, sent)
        assert.deepStrictEqual(yield* Effect.promise(() => answers), ["one", "two"])
      })
      yield* askTogether
      redis.stream.destroy()
      yield* Effect.promise(() => once(redis, "close"))
      yield* askTogether
    })
  )
})
