import { assert, describe, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Queue, Redacted, Scope } from "effect"
import { inject } from "vitest"
import { ExecutionId } from "../../src/domain/Ids.ts"
import * as ExecutionQueueBullMq from "../../src/layers/bullmq/ExecutionQueueBullMq.ts"
import * as ExecutionQueueMemory from "../../src/layers/memory/ExecutionQueueMemory.ts"
import { ExecutionQueue } from "../../src/services/ExecutionQueue.ts"
import type { Lease } from "../../src/services/ExecutionStore.ts"

const queues = {
  "in process": ExecutionQueueMemory.layer,
  "BullMQ on Redis": Layer.unwrap(
    Effect.sync(() =>
      ExecutionQueueBullMq.layer({
        url: Redacted.make(inject("redisUrl")),
        prefix: `{test-${crypto.randomUUID()}}`
      })
    )
  )
}

const wakeUp = (epoch = 0): Lease => ({ execution_id: ExecutionId.make(crypto.randomUUID()), epoch })

/** A consumer that puts what it is handed into a queue, and the scope that it lives in. */
const consumer = Effect.fnUntraced(function* (
  handle: (lease: Lease) => Effect.Effect<void> = () => Effect.void,
  concurrency = 4
) {
  const queue = yield* ExecutionQueue
  const handed = yield* Queue.unbounded<Lease>()
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  yield* queue
    .consume((lease) => Effect.andThen(Queue.offer(handed, lease), handle(lease)), { concurrency })
    .pipe(Scope.provide(scope))
  return { handed, close: Scope.close(scope, Exit.void) }
})

describe.each(Object.entries(queues))("ExecutionQueue, %s", (_, queueLayer) => {
  layer(queueLayer, { excludeTestServices: true })((it) => {
    it.effect("hands each call to one consumer, once", () =>
      Effect.gen(function* () {
        const queue = yield* ExecutionQueue
        const both = yield* Queue.unbounded<Lease>()
        const join = (lease: Lease) => Effect.asVoid(Queue.offer(both, lease))
        const [one, two] = [yield* consumer(join), yield* consumer(join)]
        const calls = Array.from({ length: 50 }, () => wakeUp())
        yield* queue.enqueue(calls)
        const handed: Array<Lease> = []
        while (handed.length < calls.length) handed.push(yield* Queue.take(both))
        yield* Effect.all([one.close, two.close])
        assert.sameDeepMembers(handed, calls)
        assert.strictEqual(yield* Queue.size(both), 0)
      })
    )

    it.effect("takes a call that waits already for the same one, and another epoch for another", () =>
      Effect.gen(function* () {
        const queue = yield* ExecutionQueue
        const call = wakeUp()
        yield* queue.enqueue([call, call])
        yield* queue.enqueue([call, { ...call, epoch: 1 }])
        const last = wakeUp()
        yield* queue.enqueue([last])
        const { handed, close } = yield* consumer(() => Effect.void, 1)
        const seen: Array<Lease> = []
        while (seen.at(-1)?.execution_id !== last.execution_id) seen.push(yield* Queue.take(handed))
        assert.deepStrictEqual(seen, [call, { ...call, epoch: 1 }, last])
        yield* close
      })
    )

    it.effect("takes a call again once it was handled", () =>
      Effect.gen(function* () {
        const queue = yield* ExecutionQueue
        const { handed, close } = yield* consumer()
        const call = wakeUp(7)
        yield* queue.enqueue([call])
        assert.deepStrictEqual(yield* Queue.take(handed), call)
        // A queue forgets a call a moment after its handler is done with it.
        const again = yield* Effect.forkChild(Queue.take(handed))
        yield* queue
          .enqueue([call])
          .pipe(Effect.delay("20 millis"), Effect.repeat({ until: () => again.pollUnsafe() !== undefined }))
        assert.deepStrictEqual(yield* Fiber.join(again), call)
        // What was sent once too often is taken too, so that it is not left to another test.
        const last = wakeUp()
        yield* queue.enqueue([last])
        yield* Queue.take(handed).pipe(
          Effect.repeat({ until: (lease) => lease.execution_id === last.execution_id })
        )
        yield* close
      })
    )

    it.effect("hands out no more at a time than the concurrency", () =>
      Effect.gen(function* () {
        const queue = yield* ExecutionQueue
        const gate = yield* Deferred.make<void>()
        let active = 0
        let most = 0
        const { handed, close } = yield* consumer(
          () =>
            Effect.acquireUseRelease(
              Effect.sync(() => (most = Math.max(most, ++active))),
              () => Deferred.await(gate),
              () => Effect.sync(() => active--)
            ),
          3
        )
        yield* queue.enqueue(Array.from({ length: 12 }, () => wakeUp()))
        for (let taken = 0; taken < 3; taken++) yield* Queue.take(handed)
        yield* Deferred.succeed(gate, undefined)
        for (let taken = 3; taken < 12; taken++) yield* Queue.take(handed)
        assert.strictEqual(most, 3)
        yield* close
      })
    )

    it.effect("stops handing out when it is closed, waits for what is under way, and leaves the rest", () =>
      Effect.gen(function* () {
        const queue = yield* ExecutionQueue
        const gate = yield* Deferred.make<void>()
        const finished: Array<string> = []
        const { handed, close } = yield* consumer(
          ({ execution_id }) =>
            Effect.andThen(
              Deferred.await(gate),
              Effect.sync(() => finished.push(execution_id))
            ),
          2
        )
        const calls = Array.from({ length: 6 }, () => wakeUp())
        yield* queue.enqueue(calls)
        const begun = [yield* Queue.take(handed), yield* Queue.take(handed)]
        const closing = yield* Effect.forkChild(close)
        yield* Effect.yieldNow
        assert.isUndefined(closing.pollUnsafe())
        yield* Deferred.succeed(gate, undefined)
        yield* Fiber.join(closing)
        assert.sameMembers(
          finished,
          begun.map(({ execution_id }) => execution_id)
        )
        assert.strictEqual(yield* Queue.size(handed), 0)

        const next = yield* consumer()
        const rest: Array<Lease> = []
        while (rest.length < 4) rest.push(yield* Queue.take(next.handed))
        assert.sameDeepMembers([...begun, ...rest], calls)
        yield* next.close
      })
    )

    it.effect("says that it can be reached", () => ExecutionQueue.use((queue) => queue.ping))
  })
})
