import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber } from "effect"
import { makeBulkhead } from "../../src/layers/postgres/bulkhead.ts"
import { DatabaseUnavailable } from "../../src/services/DatabaseUnavailable.ts"

const bulkheadOf = (patience: Duration.Input = "1 minute") =>
  makeBulkhead({ pool: "write", permits: 2, waiting: 1, patience: Duration.fromInputUnsafe(patience) })

const outageOf = <A>(exit: Exit.Exit<A>) => {
  assert(Exit.isFailure(exit))
  const error = Cause.squash(exit.cause)
  assert.instanceOf(error, DatabaseUnavailable)
  return String(error.cause)
}

describe("a bulkhead", () => {
  it.live("lets as many through as it has permits, keeps a few waiting, and refuses more at once", () =>
    Effect.gen(function* () {
      const bulkhead = bulkheadOf()
      const open = yield* Deferred.make<void>()
      const begun: Array<number> = []
      const operation = (id: number) =>
        bulkhead(
          Effect.andThen(
            Effect.sync(() => begun.push(id)),
            Effect.as(Deferred.await(open), id)
          )
        )
      const three = yield* Effect.forEach([1, 2, 3], (id) => Effect.forkChild(operation(id)))
      yield* Effect.yieldNow
      assert.include(outageOf(yield* Effect.exit(operation(4))), "1 operations wait already")
      assert.deepStrictEqual(begun, [1, 2])
      yield* Deferred.succeed(open, undefined)
      assert.deepStrictEqual(yield* Fiber.joinAll(three), [1, 2, 3])
      assert.strictEqual(yield* operation(5), 5)
    })
  )

  it.live("gives up what takes too long, also where nothing may interrupt, and has its place again", () =>
    Effect.gen(function* () {
      const bulkhead = bulkheadOf("20 millis")
      let interrupted = 0
      const stuck = Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      const exits = yield* Effect.all([stuck, stuck, Effect.succeed(1)].map(bulkhead), {
        concurrency: "unbounded"
      }).pipe(Effect.exit, Effect.uninterruptible)
      assert.include(outageOf(exits), "no answer within 20ms")
      assert.strictEqual(yield* bulkhead(Effect.succeed("well")), "well")
      assert.strictEqual(interrupted, 2)
    })
  )

  it.live("gives up what its caller gives up", () =>
    Effect.gen(function* () {
      const bulkhead = bulkheadOf()
      const gone = yield* Deferred.make<void>()
      const caller = yield* Effect.forkChild(
        bulkhead(Effect.onInterrupt(Effect.never, () => Deferred.succeed(gone, undefined))),
        { startImmediately: true }
      )
      yield* Fiber.interrupt(caller)
      yield* Deferred.await(gone)
    })
  )
})
