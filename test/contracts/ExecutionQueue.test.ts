import { assert, describe, layer } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Queue, Redacted, Scope } from "effect"
import { inject } from "vitest"
import { ExecutionId } from "../../src/domain/Ids.ts"
import * as ExecutionQueueBullMq from "../../src/layers/bullmq/ExecutionQueueBullMq.ts"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import * as ExecutionQueueSql from "../../src/layers/postgres/ExecutionQueueSql.ts"
import { ExecutionQueue } from "../../src/services/ExecutionQueue.ts"
import type { Lease } from "../../src/services/ExecutionStore.ts"
import { newDatabase } from "../support/database.ts"

const queues = {
  "in process": ExecutionQueueSql.layer.pipe(Layer.provide(DatabasePglite.layerMemory)),
  PostgreSQL: ExecutionQueueSql.layer.pipe(
    Layer.provide(Layer.unwrap(Effect.map(newDatabase, (url) => Database.layer({ url }))))
  ),
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

/** What workers share beside the queue: the executions that nobody has taken yet. */
const makeLedger = Effect.gen(function* () {
  const queue = yield* ExecutionQueue
  const open = new Map<string, Lease>()
  const keyOf = ({ execution_id, epoch }: Lease) => `${execution_id}-${epoch}`
  let answers = 0

  const take = (key: string) => {
    const lease = open.get(key)
    open.delete(key)
    return lease
  }

  /** A worker that puts what it carries out into a queue, and the scope that it lives in. */
  const consumer = Effect.fnUntraced(function* (
    carryOut: (lease: Lease) => Effect.Effect<void> = () => Effect.void,
    concurrency = 4
  ) {
    const handed = yield* Queue.unbounded<Lease>()
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
    const begin = (lease: Lease | undefined) =>
      lease === undefined ? Effect.void : Effect.andThen(Queue.offer(handed, lease), carryOut(lease))
    yield* queue
      .consume(
        {
          answer: (lease) => Effect.suspend(() => (answers++, begin(take(keyOf(lease))))),
          claim: (limit) => Effect.sync(() => [...open.keys()].slice(0, limit).map(take).map(begin))
        },
        { concurrency }
      )
      .pipe(Scope.provide(scope))
    return { handed, close: Scope.close(scope, Exit.void) }
  })

  return {
    consumer,
    answers: () => answers,
    enqueue: (wakeUps: ReadonlyArray<Lease>) =>
      Effect.suspend(() => {
        wakeUps.forEach((lease) => open.set(keyOf(lease), lease))
        return queue.enqueue(wakeUps)
      })
  }
})

describe.each(Object.entries(queues))("ExecutionQueue, %s", (_, queueLayer) => {
  layer(queueLayer, { excludeTestServices: true })((it) => {
    it.effect("has each execution carried out by one worker, once", () =>
      Effect.gen(function* () {
        const { consumer, enqueue } = yield* makeLedger
        const both = yield* Queue.unbounded<Lease>()
        const join = (lease: Lease) => Effect.asVoid(Queue.offer(both, lease))
        const [one, two] = [yield* consumer(join), yield* consumer(join)]
        const calls = Array.from({ length: 50 }, () => wakeUp())
        yield* enqueue(calls)
        const handed: Array<Lease> = []
        while (handed.length < calls.length) handed.push(yield* Queue.take(both))
        yield* Effect.all([one.close, two.close])
        assert.sameDeepMembers(handed, calls)
        assert.strictEqual(yield* Queue.size(both), 0)
      })
    )

    it.effect("takes a call that waits already for the same one, and another epoch for another", () =>
      Effect.gen(function* () {
        const { consumer, enqueue, answers } = yield* makeLedger
        const call = wakeUp()
        yield* enqueue([call, call])
        yield* enqueue([call, { ...call, epoch: 1 }])
        const last = wakeUp()
        yield* enqueue([last])
        const { handed, close } = yield* consumer(() => Effect.void, 1)
        const seen: Array<Lease> = []
        while (seen.at(-1)?.execution_id !== last.execution_id) seen.push(yield* Queue.take(handed))
        assert.deepStrictEqual(seen, [call, { ...call, epoch: 1 }, last])
        assert.isAtMost(answers(), seen.length)
        yield* close
      })
    )

    it.effect("takes a call again once it was answered", () =>
      Effect.gen(function* () {
        const { consumer, enqueue } = yield* makeLedger
        const { handed, close } = yield* consumer()
        const call = wakeUp(7)
        yield* enqueue([call])
        assert.deepStrictEqual(yield* Queue.take(handed), call)
        // A queue forgets a call a moment after its handler is done with it.
        const again = yield* Effect.forkChild(Queue.take(handed))
        yield* enqueue([call]).pipe(
          Effect.delay("20 millis"),
          Effect.repeat({ until: () => again.pollUnsafe() !== undefined })
        )
        assert.deepStrictEqual(yield* Fiber.join(again), call)
        // What was sent once too often is taken too, so that it is not left to another test.
        const last = wakeUp()
        yield* enqueue([last])
        yield* Queue.take(handed).pipe(
          Effect.repeat({ until: (lease) => lease.execution_id === last.execution_id })
        )
        yield* close
      })
    )

    it.effect("has no more under way at a time than the concurrency", () =>
      Effect.gen(function* () {
        const { consumer, enqueue } = yield* makeLedger
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
        yield* enqueue(Array.from({ length: 12 }, () => wakeUp()))
        for (let taken = 0; taken < 3; taken++) yield* Queue.take(handed)
        yield* Deferred.succeed(gate, undefined)
        for (let taken = 3; taken < 12; taken++) yield* Queue.take(handed)
        assert.strictEqual(most, 3)
        yield* close
      })
    )

    it.effect("begins nothing more when it is closed, waits for what is under way, and leaves the rest", () =>
      Effect.gen(function* () {
        const { consumer, enqueue } = yield* makeLedger
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
        yield* enqueue(calls)
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
