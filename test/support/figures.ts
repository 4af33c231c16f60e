import { Effect } from "effect"
import { noFigures } from "../../src/domain/figures.ts"
import type { Figures } from "../../src/domain/figures.ts"
import type { ExecutionStatus } from "../../src/domain/Execution.ts"
import { sketchOf } from "../../src/domain/sketch.ts"
import { Database } from "../../src/layers/postgres/Database.ts"

/** An execution as the ledger has it, with the names that groups go by. */
export interface ExecutionFact {
  readonly execution_id: string
  readonly prompt_name: string
  readonly version_id: string
  readonly version_number: number
  readonly provider: string
  readonly model_name: string
  readonly environment: string
  readonly created_at: Date
  readonly status: ExecutionStatus
  readonly error_type: string | null
  readonly latency_ms: number | null
  readonly prompt_tokens: number | null
  readonly response_tokens: number | null
}

/** All executions of some prompts, straight from the table. */
export const factsOf = Effect.fnUntraced(function* (prompt_names: ReadonlyArray<string>) {
  const { write: sql } = yield* Database
  return yield* Effect.orDie(sql<ExecutionFact>`
    SELECT e.execution_id, p.name AS prompt_name, e.version_id, v.version_number, m.provider, m.model_name, e.environment, e.created_at,
      e.status, e.error_type, e.latency_ms, e.prompt_tokens, e.response_tokens
    FROM executions e JOIN prompts p USING (prompt_id) JOIN prompt_versions v USING (version_id)
    JOIN models m USING (model_id)
    WHERE p.name = ANY (${prompt_names}::text[])`)
})

const sum = (numbers: ReadonlyArray<number | null>) => numbers.reduce<number>((a, b) => a + (b ?? 0), 0)

/** Their figures, added up one by one; the costs of models without prices. */
export const figuresOf = (facts: ReadonlyArray<ExecutionFact>): Figures => {
  const of = (status: ExecutionStatus) => facts.filter((fact) => fact.status === status)
  const latencies = of("succeeded").map(({ latency_ms }) => latency_ms!)
  const errors = Object.entries(Object.groupBy(of("failed"), ({ error_type }) => error_type!)).map(
    ([error_type, all]) => ({ error_type, count: all!.length })
  )
  const tokens = (which: "prompt_tokens" | "response_tokens") => sum(facts.map((fact) => fact[which]))
  const unpriced = facts.some(
    (fact) => fact.provider !== "echo" && sum([fact.prompt_tokens, fact.response_tokens]) > 0
  )
  return {
    ...noFigures,
    execution_count: facts.length,
    succeeded: of("succeeded").length,
    failed: of("failed").length,
    canceled: of("canceled").length,
    errors: errors.toSorted((a, b) => b.count - a.count || (a.error_type < b.error_type ? -1 : 1)),
    avg_latency_ms: latencies.length === 0 ? null : sum(latencies) / latencies.length,
    latencies: sketchOf(latencies),
    prompt_tokens: tokens("prompt_tokens"),
    response_tokens: tokens("response_tokens"),
    cost_usd: unpriced ? null : 0
  }
}

/** What the rollups hold, in one order, to compare. */
export const storedRollups = Effect.gen(function* () {
  const { write: sql } = yield* Database
  const rows = yield* Effect.orDie(sql<{ readonly rollup: string }>`
    SELECT to_jsonb(r)::text AS rollup FROM execution_rollups r ORDER BY 1`)
  return rows.map(({ rollup }) => rollup)
})
