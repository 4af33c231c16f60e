import { assert, describe, it } from "@effect/vitest"
import { addFigures, noFigures, tellFigures } from "../../src/domain/figures.ts"
import type { Figures } from "../../src/domain/figures.ts"
import { sketchOf } from "../../src/domain/sketch.ts"

const figures = (more: Partial<Figures>): Figures => ({ ...noFigures, ...more })

describe("figures", () => {
  it("add up: counts, errors by type, averages by weight, sketches and costs", () => {
    const left = figures({
      execution_count: 6,
      succeeded: 3,
      failed: 2,
      errors: [
        { error_type: "b", count: 1 },
        { error_type: "a", count: 1 }
      ],
      avg_latency_ms: 100,
      latencies: sketchOf([50, 100, 150]),
      prompt_tokens: 10,
      cost_usd: 0.5
    })
    const right = figures({
      execution_count: 4,
      succeeded: 1,
      failed: 1,
      canceled: 2,
      errors: [{ error_type: "c", count: 1 }],
      avg_latency_ms: 500,
      latencies: sketchOf([500]),
      response_tokens: 7,
      cost_usd: 0.25
    })
    assert.deepStrictEqual(addFigures(left, right), {
      execution_count: 10,
      succeeded: 4,
      failed: 3,
      canceled: 2,
      errors: ["a", "b", "c"].map((error_type) => ({ error_type, count: 1 })),
      avg_latency_ms: 200,
      latencies: sketchOf([50, 100, 150, 500]),
      prompt_tokens: 10,
      response_tokens: 7,
      cost_usd: 0.75
    })
    const more = figures({ errors: [{ error_type: "c", count: 1 }] })
    assert.deepStrictEqual(addFigures(addFigures(left, right), more).errors[0], { error_type: "c", count: 2 })
    assert.deepStrictEqual(addFigures(noFigures, noFigures), noFigures)
  })

  it("have no cost once a price is not known", () => {
    assert.isNull(addFigures(noFigures, figures({ cost_usd: null })).cost_usd)
    assert.isNull(addFigures(figures({ cost_usd: null }), noFigures).cost_usd)
  })

  it("are told as rates and percentiles, and as null where there is nothing to go by", () => {
    const told = tellFigures(
      figures({
        execution_count: 6,
        succeeded: 3,
        failed: 1,
        canceled: 1,
        errors: [{ error_type: "provider_timeout", count: 1 }],
        latencies: sketchOf([100, 200, 4_000])
      })
    )
    assert.strictEqual(told.error_rate, 0.25)
    assert.deepStrictEqual(told.errors, [{ error_type: "provider_timeout", count: 1, rate: 0.25 }])
    assert.closeTo(told.p50_latency_ms!, 200, 2)
    assert.closeTo(told.p99_latency_ms!, 4_000, 40)
    assert.notProperty(told, "latencies")
    const nothing = tellFigures(noFigures)
    assert.isNull(nothing.error_rate)
    assert.isNull(nothing.p95_latency_ms)
  })
})
