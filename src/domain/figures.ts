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

const latency = (what: string) =>
  Schema.NullOr(Schema.Finite).annotate({
    description: `${what}, in milliseconds, over the executions that succeeded; null when none has.`
  })
const percentile = (rank: number) =>
  latency(`The ${rank}th percentile of latency, within 1 % of its true value`)

/** Figures as they are told: rates for counts, and percentiles for the sketch. */
export const ExecutionFigures = Schema.Struct({
  execution_count: Schema.Int.annotate({ description: "All executions, also those that have not ended." }),
  succeeded: Schema.Int.annotate({ description: "Executions that succeeded." }),
  failed: Schema.Int.annotate({ description: "Executions that failed." }),
  canceled: Schema.Int.annotate({ description: "Executions that were canceled." }),
  error_rate: Schema.NullOr(Schema.Finite).annotate({
    description:
      "Those that failed as a share, 0 to 1, of those that succeeded or failed; null when there are none."
  }),
  errors: Schema.Array(
    Schema.Struct({
      error_type: Schema.String.annotate({ description: "Why they failed, such as `provider_timeout`." }),
      count: Schema.Int.annotate({ description: "How many failed so." }),
      rate: Schema.Finite.annotate({
        description: "Their share, 0 to 1, of the executions that succeeded or failed."
      })
    })
  ).annotate({ description: "Those that failed by type, the most frequent first." }),
  avg_latency_ms: latency("Mean latency"),
  p50_latency_ms: percentile(50),
  p90_latency_ms: percentile(90),
  p95_latency_ms: percentile(95),
  p99_latency_ms: percentile(99),
  prompt_tokens: Schema.Int.annotate({ description: "Tokens of prompts in all, as providers count them." }),
  response_tokens: Schema.Int.annotate({
    description: "Tokens of responses in all, as providers count them."
  }),
  cost_usd: Schema.NullOr(Schema.Finite).annotate({
    description:
      "US dollars at the models' present prices; null when tokens were used that have no known price."
  })
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
