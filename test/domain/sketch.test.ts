import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { emptySketch, mergeSketches, quantile, RELATIVE_ERROR, sketchOf } from "../../src/domain/sketch.ts"

const MAX_LATENCY = 2_147_483_647
const Latencies = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: MAX_LATENCY })))
const Share = Schema.Number.check(Schema.isBetween({ minimum: 0.001, maximum: 1 }))

/** The true quantile, by nearest rank. */
const exactQuantile = (latencies: ReadonlyArray<number>, q: number) =>
  latencies.toSorted((a, b) => a - b)[Math.ceil(q * latencies.length) - 1]!

describe("a sketch of latencies", () => {
  it.prop("tells every quantile within its relative error", { latencies: Latencies, q: Share }, (given) => {
    const { latencies, q } = given
    const told = quantile(sketchOf(latencies), q)
    if (latencies.length === 0) return assert.isNull(told)
    const exact = exactQuantile(latencies, q)
    assert.isAtMost(Math.abs(told! - exact), exact * RELATIVE_ERROR * (1 + 1e-9))
  })

  it.prop(
    "merges in any order and any grouping to the sketch of all values",
    { a: Latencies, b: Latencies, c: Latencies },
    (given) => {
      const [a, b, c] = [sketchOf(given.a), sketchOf(given.b), sketchOf(given.c)]
      assert.deepStrictEqual(mergeSketches(a, b), mergeSketches(b, a))
      assert.deepStrictEqual(mergeSketches(mergeSketches(a, b), c), mergeSketches(a, mergeSketches(b, c)))
      assert.deepStrictEqual(mergeSketches(a, b), sketchOf([...given.a, ...given.b]))
      assert.deepStrictEqual(mergeSketches(a, emptySketch), a)
    }
  )

  it("is as exact at the bounds: nothing, no time at all, and the longest", () => {
    assert.isNull(quantile(emptySketch, 0.5))
    assert.strictEqual(quantile(sketchOf([0, 0, 7]), 0.5), 0)
    const longest = quantile(sketchOf([MAX_LATENCY]), 1)!
    assert.closeTo(longest, MAX_LATENCY, MAX_LATENCY * RELATIVE_ERROR)
  })
})
