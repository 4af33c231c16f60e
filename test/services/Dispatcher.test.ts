import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ExecutionId } from "../../src/domain/Ids.ts"
import { Dispatcher } from "../../src/services/Dispatcher.ts"
import { ExecutionQueue, QueueUnavailable } from "../../src/services/ExecutionQueue.ts"
import type { Lease } from "../../src/services/ExecutionStore.ts"

const wakeUp = (): Lease => ({ execution_id: ExecutionId.make(crypto.randomUUID()), epoch: 0 })

/** A dispatcher before a queue that takes calls as it is told. */
const dispatcherTo = (enqueue: ExecutionQueue["Service"]["enqueue"]) =>
  Dispatcher.layer.pipe(
    Layer.provide(Layer.succeed(ExecutionQueue, { enqueue, ping: Effect.void, consume: () => Effect.void }))
  )

describe("Dispatcher", () => {
  it.effect("goes on after a queue that refused", () =>
    Effect.gen(function* () {
      const arrived = yield* Deferred.make<ReadonlyArray<Lease>>()
      let tries = 0
      const refusesFirst = dispatcherTo((wakeUps) =>
        ++tries === 1
          ? new QueueUnavailable({ detail: "down" })
          : Effect.asVoid(Deferred.succeed(arrived, wakeUps))
      )
      yield* Effect.gen(function* () {
        const { send } = yield* Dispatcher
        yield* send(wakeUp())
        yield* Effect.yieldNow.pipe(Effect.repeat({ until: () => tries === 1 }))
        const second = wakeUp()
        yield* send(second)
        assert.deepStrictEqual(yield* Deferred.await(arrived), [second])
      }).pipe(Effect.provide(refusesFirst))
    })
  )

  it.effect("sends a delayed call in its time, after those that are due", () =>
    Effect.gen(function* () {
      const sent: Array<Lease> = []
      const queue = dispatcherTo((wakeUps) => Effect.sync(() => sent.push(...wakeUps)))
      yield* Effect.gen(function* () {
        const { send } = yield* Dispatcher
        const [later, now] = [wakeUp(), wakeUp()]
        yield* send(later, Duration.seconds(5))
        yield* send(now)
        yield* TestClock.adjust("4999 millis")
        assert.deepStrictEqual(sent, [now])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(sent, [now, later])
      }).pipe(Effect.provide(queue))
    })
  )

  it.effect.each([
    ["that are due", Duration.zero],
    ["that are delayed", Duration.minutes(1)]
  ] as const)("keeps nobody waiting for a queue that hangs, and at most 10,000 calls %s", ([, delay]) =>
    Effect.gen(function* () {
      const goesOn = yield* Deferred.make<void>()
      let arrived = 0
      const hangs = dispatcherTo((wakeUps) =>
        Effect.andThen(
          Deferred.await(goesOn),
          Effect.sync(() => void (arrived += wakeUps.length))
        )
      )
      yield* Effect.gen(function* () {
        const { send } = yield* Dispatcher
        for (let sent = 0; sent < 30_000; sent++) yield* send(wakeUp(), delay)
        yield* Deferred.succeed(goesOn, undefined)
        yield* TestClock.adjust(delay)
        yield* Effect.yieldNow.pipe(Effect.repeat({ until: () => arrived >= 10_000 }))
        yield* Effect.yieldNow.pipe(Effect.repeat({ times: 1_000 }))
        // What the queue was handed already does not wait any more.
        assert.isAtMost(arrived, 10_100)
      }).pipe(Effect.provide(hangs))
    })
  )
})
