import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer } from "effect"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { Metrics } from "../../src/services/Metrics.ts"

describe("Metrics", () => {
  it.effect("asks the database once for all that scrape at the same time", () => {
    let asked = 0
    return Effect.gen(function* () {
      const answer = yield* Deferred.make<void>()
      const backlog = Effect.gen(function* () {
        asked++
        yield* Deferred.await(answer)
        return { queued: 41 + asked, oldest: Duration.zero, unfolded: 0 }
      })
      yield* Effect.gen(function* () {
        const { exposition } = yield* Metrics
        const scrapes = yield* Effect.forkChild(
          Effect.all(
            Array.from({ length: 10 }, () => exposition),
            { concurrency: "unbounded" }
          ),
          { startImmediately: true }
        )
        yield* Deferred.succeed(answer, undefined)
        for (const text of yield* Fiber.join(scrapes)) assert.include(text, "promptledger_queue_depth 42\n")
        assert.strictEqual(asked, 1)
        assert.include(yield* exposition, "promptledger_queue_depth 43\n")
      }).pipe(Effect.provide(Metrics.layer.pipe(Layer.provide(Layer.mock(ExecutionStore, { backlog })))))
    })
  })
})
