import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { makeSlots } from "../../src/layers/postgres/slots.ts"

/** Slots for work that ends when it is told to, with claims that are answered by hand. */
const world = (count: number) => {
  const claims: Array<{ readonly limit: number; readonly answer: (work: number) => void }> = []
  const ends: Array<() => void> = []
  let overflows = 0
  const work = Effect.callback<void>((resume) => {
    ends.push(() => resume(Effect.void))
  })
  const slots = makeSlots({
    count,
    run: Effect.runFork,
    onOverflow: () => overflows++,
    claim: (limit) =>
      Effect.callback((resume) => {
        claims.push({
          limit,
          answer: (works) =>
            resume(works < 0 ? Effect.die("away") : Effect.succeed(Array.from({ length: works }, () => work)))
        })
      })
  })
  return { slots, claims, ends, overflows: () => overflows, limits: () => claims.map(({ limit }) => limit) }
}

/** Lets everything that is ready get on. */
const settle = Effect.callback<void>((resume) => {
  setImmediate(() => setImmediate(() => resume(Effect.void)))
})

describe("a worker's slots", () => {
  it.effect("are filled by one claim for all of them, which is not repeated when it found less", () =>
    Effect.gen(function* () {
      const { slots, claims, ends, limits, overflows } = world(4)
      yield* settle
      assert.deepStrictEqual(limits(), [])
      slots.call(1)
      slots.call(1)
      yield* settle
      assert.deepStrictEqual(limits(), [4])
      claims[0]!.answer(2)
      yield* settle
      assert.lengthOf(ends, 2)
      ends.forEach((end) => end())
      yield* settle
      assert.deepStrictEqual(limits(), [4])
      assert.strictEqual(overflows(), 0)
    })
  )

  it.effect("are filled again while claims come back full, for all that became free meanwhile", () =>
    Effect.gen(function* () {
      const { slots, claims, ends, limits } = world(3)
      slots.call(9)
      yield* settle
      claims[0]!.answer(3)
      yield* settle
      assert.deepStrictEqual(limits(), [3])
      ends[0]!()
      yield* settle
      assert.deepStrictEqual(limits(), [3, 1])
      ends[1]!()
      ends[2]!()
      yield* settle
      assert.deepStrictEqual(limits(), [3, 1])
      claims[1]!.answer(1)
      yield* settle
      assert.deepStrictEqual(limits(), [3, 1, 2])
      claims[2]!.answer(2)
      yield* settle
      ends.slice(3).forEach((end) => end())
      yield* settle
      // What became free in one turn is one claim's.
      assert.deepStrictEqual(limits(), [3, 1, 2, 3])
      claims[3]!.answer(0)
      yield* settle
      assert.lengthOf(claims, 4)
    })
  )

  it.effect("look again for what was called for during a claim", () =>
    Effect.gen(function* () {
      const { slots, claims, limits } = world(3)
      slots.call(1)
      yield* settle
      slots.call(1)
      claims[0]!.answer(1)
      yield* settle
      assert.deepStrictEqual(limits(), [3, 2])
    })
  )

  it.effect("overflow when there are more calls than room, as it is once a claim has ended", () =>
    Effect.gen(function* () {
      const { slots, claims, overflows } = world(3)
      slots.call(4)
      assert.strictEqual(overflows(), 1)
      yield* settle
      slots.call(1)
      slots.call(1)
      assert.strictEqual(overflows(), 1)
      claims[0]!.answer(1)
      yield* settle
      assert.strictEqual(overflows(), 1)
      slots.call(2)
      claims[1]!.answer(1)
      yield* settle
      assert.strictEqual(overflows(), 2)
      claims[2]!.answer(1)
      yield* settle
      // A call of another process's is known elsewhere; what nobody else knows of is not left lying.
      slots.call(0)
      assert.strictEqual(overflows(), 2)
      slots.call(1)
      assert.strictEqual(overflows(), 3)
    })
  )

  it.effect("go on after a claim that failed", () =>
    Effect.gen(function* () {
      const { slots, claims, limits } = world(2)
      slots.call(1)
      yield* settle
      claims[0]!.answer(-1)
      yield* settle
      claims[1]!.answer(-1)
      yield* settle
      slots.call(1)
      yield* settle
      assert.deepStrictEqual(limits(), [2, 1, 1])
    })
  )

  it.effect("claim half as many when a claim fails, and more again from then on", () =>
    Effect.gen(function* () {
      const { slots, claims, ends, limits } = world(8)
      slots.call(9)
      yield* settle
      claims[0]!.answer(-1)
      yield* settle
      claims[1]!.answer(-1)
      yield* settle
      claims[2]!.answer(2)
      yield* settle
      claims[3]!.answer(4)
      yield* settle
      assert.deepStrictEqual(limits(), [8, 4, 2, 4, 2])
      claims[4]!.answer(0)
      ends.forEach((end) => end())
      yield* settle
      slots.call(1)
      yield* settle
      assert.deepStrictEqual(limits(), [8, 4, 2, 4, 2, 8])
    })
  )

  it.effect("claim nothing once they are closed, and leave what was called for to others", () =>
    Effect.gen(function* () {
      const { slots, claims, ends, limits, overflows } = world(2)
      slots.call(1)
      yield* settle
      slots.call(1)
      slots.close()
      claims[0]!.answer(2)
      yield* settle
      assert.strictEqual(overflows(), 1)
      ends.forEach((end) => end())
      slots.call(1)
      yield* settle
      assert.deepStrictEqual(limits(), [2])
      assert.strictEqual(overflows(), 2)

      const unbegun = world(2)
      unbegun.slots.call(1)
      unbegun.slots.close()
      yield* settle
      assert.deepStrictEqual(unbegun.limits(), [])
      assert.strictEqual(unbegun.overflows(), 1)
    })
  )
})
