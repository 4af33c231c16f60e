import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Option } from "effect"
import { LockTimeoutError, SqlError } from "effect/sql/SqlError"
import { makeLane } from "../../src/layers/postgres/lane.ts"
import { orDefect } from "../../src/layers/postgres/orDefect.ts"
import { DatabaseUnavailable } from "../../src/services/DatabaseUnavailable.ts"
import { turn } from "../support/service.ts"

const KB = 1024

/** A lane over a statement that waits for its cue, and the batches that it was sent in. */
const laneTo = Effect.fnUntraced(function* (
  more: {
    readonly patience?: Duration.Duration
    readonly bytesOf?: (item: number) => number
    readonly fails?: (batch: ReadonlyArray<number>) => unknown
  } = {}
) {
  const batches: Array<ReadonlyArray<number>> = []
  const cue = yield* Deferred.make<void>()
  const lane = yield* makeLane<number, { readonly value: number; readonly place: number }>({
    through: orDefect,
    bytesOf: more.bytesOf ?? (() => 1),
    patience: more.patience,
    send: (items) =>
      Effect.gen(function* () {
        batches.push(items)
        yield* Deferred.await(cue)
        const fault = more.fails?.(items)
        if (fault !== undefined) return yield* Effect.die(fault)
        // Odd ones have no row; and rows come in any order.
        return items
          .map((value, index) => ({ value, place: index + 1 }))
          .filter(({ value }) => value % 2 === 0)
          .toReversed()
      })
  })
  return { lane, batches, go: Deferred.succeed(cue, undefined) }
})

const fork = <A>(effect: Effect.Effect<A>) => Effect.forkChild(effect, { startImmediately: true })

/** The first a turn of the event loop before the others, so that it is sent without them. */
const forkInTurn = Effect.fnUntraced(function* <A>([first, ...others]: ReadonlyArray<Effect.Effect<A>>) {
  const begun = yield* fork(first!)
  yield* turn
  return [begun, ...(yield* Effect.forEach(others, fork))]
})
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

describe("a lane", () => {
  it.live("sends together what comes in one turn of the event loop", () =>
    Effect.gen(function* () {
      const { lane, batches, go } = yield* laneTo()
      const writes = yield* Effect.forEach([0, 2, 4], (item) => fork(lane(item)))
      yield* go
      yield* Fiber.joinAll(writes)
      assert.deepStrictEqual(batches, [[0, 2, 4]])
    })
  )

  it.live("sends what gathers while a batch is on its way together, in turn", () =>
    Effect.gen(function* () {
      const { lane, batches, go } = yield* laneTo()
      const writes = yield* forkInTurn(numbers(0, 600).map(lane))
      assert.deepStrictEqual(batches, [[0]])
      yield* go
      const rows = yield* Fiber.joinAll(writes)
      assert.deepStrictEqual(batches, [[0], numbers(1, 257), numbers(257, 513), numbers(513, 600)])
      rows.forEach((row, index) =>
        assert.strictEqual(Option.getOrUndefined(row)?.value, index % 2 === 0 ? index : undefined)
      )
      assert.isTrue(Option.isSome(yield* lane(1_000)))
    })
  )

  it.live("sends no more bytes together than a few, and what is larger alone", () =>
    Effect.gen(function* () {
      const { lane, batches, go } = yield* laneTo({ bytesOf: (item) => item * 1_000 * KB })
      const writes = yield* forkInTurn([0, 1, 2, 1, 3, 9, 1].map(lane))
      yield* go
      yield* Fiber.joinAll(writes)
      assert.deepStrictEqual(batches, [[0], [1, 2, 1], [3], [9], [1]])
    })
  )

  it.live("sends each alone when together they fail, so that one fails by itself", () =>
    Effect.gen(function* () {
      const bad = new Error("a bad row")
      const { lane, go } = yield* laneTo({ fails: (batch) => (batch.includes(4) ? bad : undefined) })
      const writes = yield* forkInTurn([0, 2, 4, 6].map((item) => Effect.exit(lane(item))))
      yield* go
      const exits = yield* Fiber.joinAll(writes)
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, true, false, true])
      assert(Exit.isFailure(exits[2]!))
      assert.strictEqual(Cause.squash(exits[2].cause), bad)
    })
  )

  it.live("sends each alone when another has locked one of them", () =>
    Effect.gen(function* () {
      const locked = new DatabaseUnavailable({
        cause: new SqlError({ reason: new LockTimeoutError({ cause: { code: "55P03" } }) })
      })
      const { lane, go } = yield* laneTo({ fails: (batch) => (batch.includes(4) ? locked : undefined) })
      const writes = yield* forkInTurn([0, 2, 4, 6].map((item) => Effect.exit(lane(item))))
      yield* go
      assert.deepStrictEqual((yield* Fiber.joinAll(writes)).map(Exit.isSuccess), [true, true, false, true])
    })
  )

  it.live("sends none alone that its caller gave up while they failed together", () =>
    Effect.gen(function* () {
      const { lane, batches, go } = yield* laneTo({
        fails: (batch) => (batch.length > 1 ? new Error("a bad row") : undefined)
      })
      const writes = yield* Effect.forEach([0, 2, 4], (item) => fork(lane(item)))
      yield* turn
      assert.deepStrictEqual(batches, [[0, 2, 4]])
      yield* Fiber.interrupt(writes[1]!)
      yield* go
      yield* Fiber.joinAll([writes[0]!, writes[2]!])
      assert.deepStrictEqual(batches.slice(1), [[0], [4]])
    })
  )

  it.live("fails all of a batch with an outage, and goes on with the next", () =>
    Effect.gen(function* () {
      const outage = new DatabaseUnavailable({ cause: "away" })
      const { lane, batches, go } = yield* laneTo({
        fails: (batch) => (batch.includes(2) ? outage : undefined)
      })
      const writes = yield* forkInTurn([0, 2, 4].map((item) => Effect.exit(lane(item))))
      yield* go
      assert.deepStrictEqual((yield* Fiber.joinAll(writes)).map(Exit.isSuccess), [true, false, false])
      assert.isTrue(Option.isSome(yield* lane(6)))
      assert.deepStrictEqual(batches, [[0], [2, 4], [6]])
    })
  )

  it.live("sends fewer together after what was too much", () =>
    Effect.gen(function* () {
      const slow = new DatabaseUnavailable({ cause: "slow" })
      const { lane, batches, go } = yield* laneTo({ fails: ({ length }) => (length > 4 ? slow : undefined) })
      yield* go
      for (const done of [0, 8]) {
        const exits = yield* Effect.forEach(numbers(0, 16), (item) => Effect.exit(lane(item)), {
          concurrency: "unbounded"
        })
        assert.lengthOf(exits.filter(Exit.isSuccess), done)
      }
      assert.deepStrictEqual(
        batches.map(({ length }) => length),
        [16, 8, 4, 4]
      )
    })
  )

  it.live("leaves out what its caller gave up, and gives up itself what takes too long", () =>
    Effect.gen(function* () {
      const { lane, batches, go } = yield* laneTo({ patience: Duration.millis(50) })
      const [first, second, third] = yield* forkInTurn([0, 2, 4].map((item) => Effect.exit(lane(item))))
      yield* Fiber.interrupt(third!)
      for (const late of yield* Fiber.joinAll([first!, second!])) {
        assert(Exit.isFailure(late))
        assert.instanceOf(Cause.squash(late.cause), DatabaseUnavailable)
      }
      yield* go
      assert.isTrue(Option.isSome(yield* lane(6)))
      assert.deepStrictEqual(batches, [[0], [6]])
    })
  )

  it.live("refuses at once what is more than may wait", () =>
    Effect.gen(function* () {
      const { lane, go } = yield* laneTo({ bytesOf: (item) => item * KB * KB })
      const waiting = yield* Effect.forEach([1, 40, 20], (item) => fork(lane(item)))
      const refused = yield* Effect.exit(lane(10))
      assert(Exit.isFailure(refused))
      assert.instanceOf(Cause.squash(refused.cause), DatabaseUnavailable)
      yield* go
      yield* Fiber.joinAll(waiting)
    })
  )
})
