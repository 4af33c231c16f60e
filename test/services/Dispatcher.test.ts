import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer } from "effect"
import { ExecutionId } from "../../src/domain/Ids.ts"
import { Dispatcher } from "../../src/services/Dispatcher.ts"
import { ExecutionQueue, QueueUnavailable } from "../../src/services/ExecutionQueue.ts"
import type { WakeUp } from "../../src/services/ExecutionQueue.ts"

const wakeUp = (): WakeUp => ({
  execution_id: ExecutionId.make(crypto.randomUUID()),
  epoch: 0,
  delay: Duration.zero
})

/** A dispatcher before a queue that takes calls as it is told. */
const dispatcherTo = (enqueue: ExecutionQueue["Service"]["enqueue"]) =>
  Dispatcher.layer.pipe(
    Layer.provide(Layer.succeed(ExecutionQueue, { enqueue, ping: Effect.void, consume: () => Effect.void }))
  )

describe("Dispatcher", () => {
  it.effect("goes on after a queue that refused", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<ReadonlyArray<WakeUp>>()
      let tries = 0
      const refusesFirst = dispatcherTo((wakeUps) =>
        ++tries === 1
          ? new QueueUnavailable({ detail: "down" })
          : Effect.asVoid(Deferred.succeed(arrived, wakeUps))
      )
      yield* Effect.gen(function* () {
        const { send } = yield* Dispatcher
        yield* send([wakeUp()])
        yield* Effect.yieldNow.pipe(Effect.repeat({ until: () => tries === 1 }))
        const second = wakeUp()
        yield* send([second])
        assert.deepStrictEqual(yield* Deferred.await(arrived), [second])
      }).pipe(Effect.provide(refusesFirst))
    })
  )

  it.effect("keeps nobody waiting for a queue that hangs, nor without bounds", () =>
    Effect.gen(function* () {
      const { send } = yield* Dispatcher
      for (let batch = 0; batch < 30; batch++) yield* send(Array.from({ length: 1_000 }, wakeUp))
    }).pipe(Effect.provide(dispatcherTo(() => Effect.never)))
  )
})
