import { Schema } from "effect"
import { emptySketch, mergeSketches, quantile } from "./sketch.ts"
import type { Sketch } from "./sketch.ts"

/** How many executions failed with an error type. */
export interface ErrorCount {
  readonly error_type: string
  readonly count: number
}

/** Sums over executions. Figures of disjoint sets of executions add up to those of their union. */
export interface Figures {
  /** All of them, also those that have not ended. */
  readonly execution_count: number
  readonly succeeded: number
  readonly failed: number
  readonly canceled: number
  readonly errors: ReadonlyArray<ErrorCount>
  /** Milliseconds, over those that succeeded; null when none has. */
  readonly avg_latency_ms: number | null
  /** Of those that succeeded. */
  readonly latencies: Sketch
  readonly prompt_tokens: number
  readonly response_tokens: number
  /** US dollars at the models' prices; null when tokens were used that have no known price. */
  readonly cost_usd: number | null
}

export const noFigures: Figures = {
  execution_count: 0,
  succeeded: 0,
  failed: 0,
  canceled: 0,
  errors: [],
  avg_latency_ms: null,
  latencies: emptySketch,
  prompt_tokens: 0,
  response_tokens: 0,
  cost_usd: 0
}

const addErrors = (left: ReadonlyArray<ErrorCount>, right: ReadonlyArray<ErrorCount>) => {
  const counts = new Map<string, number>()
  for (const { error_type, count } of [...left, ...right]) {
    counts.set(error_type, (counts.get(error_type) ?? 0) + count)
  }
  return mostFirst([...counts].map(([error_type, count]) => ({ error_type, count })))
}

const mostFirst = (errors: ReadonlyArray<ErrorCount>) =>
  errors.toSorted((a, b) => b.count - a.count || (a.error_type < b.error_type ? -1 : 1))

/** The figures of two disjoint sets of executions together. */
export const addFigures = (left: Figures, right: Figures): Figures => {
  const succeeded = left.succeeded + right.succeeded
  const latency = (side: Figures) => (side.avg_latency_ms ?? 0) * side.succeeded
  return {
    execution_count: left.execution_count + right.execution_count,
    succeeded,
    failed: left.failed + right.failed,
    canceled: left.canceled + right.canceled,
    errors: addErrors(left.errors, right.errors),
    avg_latency_ms: succeeded === 0 ? null : (latency(left) + latency(right)) / succeeded,
    latencies: mergeSketches(left.latencies, right.latencies),
    prompt_tokens: left.prompt_tokens + right.prompt_tokens,
    response_tokens: left.response_tokens + right.response_tokens,
    cost_usd: left.cost_usd === null || right.cost_usd === null ? null : left.cost_usd + right.cost_usd
  }
}

const Latency = Schema.NullOr(Schema.Number)

/** Figures as they are told: rates for counts, and percentiles, each within 1 % of its true value, for the sketch. */
export const ExecutionFigures = Schema.Struct({
  execution_count: Schema.Int,
  succeeded: Schema.Int,
  failed: Schema.Int,
  canceled: Schema.Int,
  /** Failed ones to those that succeeded or failed; null when there are none. */
  error_rate: Schema.NullOr(Schema.Number),
  /** Failed ones by type, the most frequent first; rates as `error_rate`. */
  errors: Schema.Array(Schema.Struct({ error_type: Schema.String, count: Schema.Int, rate: Schema.Number })),
  /** Milliseconds, as the percentiles, over the executions that succeeded; null when none has. */
  avg_latency_ms: Latency,
  p50_latency_ms: Latency,
  p90_latency_ms: Latency,
  p95_latency_ms: Latency,
  p99_latency_ms: Latency,
  prompt_tokens: Schema.Int,
  response_tokens: Schema.Int,
  /** US dollars at the models' present prices; null when tokens were used that have no known price. */
  cost_usd: Schema.NullOr(Schema.Number)
}).annotate({ identifier: "ExecutionFigures" })
export type ExecutionFigures = typeof ExecutionFigures.Type

/** Figures as they are told, beside whatever stands with them. */
export const tellFigures = <Row extends Figures>({ latencies, errors, ...row }: Row) => {
  const tried = row.succeeded + row.failed
  return {
    ...row,
    error_rate: tried === 0 ? null : row.failed / tried,
    errors: errors.map((error) => ({ ...error, rate: error.count / tried })),
    p50_latency_ms: quantile(latencies, 0.5),
    p90_latency_ms: quantile(latencies, 0.9),
    p95_latency_ms: quantile(latencies, 0.95),
    p99_latency_ms: quantile(latencies, 0.99)
  }
}
