import type { PgClient } from "@effect/sql-pg"
import type { Fragment } from "effect/sql/Statement"
import { LN_GAMMA, ZERO_BUCKET } from "../../domain/sketch.ts"
import { sketchOfOne } from "./latencies.ts"

/** What rollups are made of, one row for each execution `e` of a prompt `p`; the bucket is that of `domain/sketch.ts`. */
export const factColumns = `
  e.project_id, p.mode, e.prompt_id, e.version_id, e.model_id, e.environment,
  date_trunc('hour', e.created_at, 'UTC') AS hour, e.status, e.error_type,
  e.prompt_tokens, e.response_tokens, e.latency_ms,
  (CASE WHEN e.latency_ms > 0 THEN ceil(ln(e.latency_ms::float8) / ${LN_GAMMA}) WHEN e.latency_ms = 0 THEN ${ZERO_BUCKET} END
  )::smallint AS bucket`

/** What tells hours of executions apart, and what is added up of each. */
const hourKeys = `
  project_id, mode, prompt_id, version_id, model_id, environment, hour, status, error_type, bucket`
export const hourSums = ["executions", "prompt_tokens", "response_tokens", "latency_ms", "latency_count"]
export const hourColumns = `${hourKeys}, ${hourSums.join(", ")}`
/** `hourSums` of a group. */
export const summed = hourSums.map((column) => `sum(${column}) AS ${column}`).join(", ")

/** The rows of `facts`, added up by hour and bucket. */
export const hoursOfFacts = `
  SELECT ${hourKeys}, count(*) AS executions,
    coalesce(sum(prompt_tokens), 0) AS prompt_tokens, coalesce(sum(response_tokens), 0) AS response_tokens,
    coalesce(sum(latency_ms), 0) AS latency_ms, count(latency_ms) AS latency_count
  FROM facts
  GROUP BY hour, bucket, version_id, status, error_type, environment, model_id, prompt_id, mode, project_id`

const rollupKeys = "mode, prompt_id, version_id, model_id, environment, period, status, error_type"
/** What is added up of each rollup. */
export const rollupSums = [...hourSums, "latencies"]

/** The columns that rollups and single executions have in common for who adds them up. */
export const rollupColumns = `${rollupKeys}, ${rollupSums.join(", ")}`

/** The same of rollups that are taken away. */
export const rollupColumnsTaken = `${rollupKeys}, ${rollupSums.map((sum) => `-${sum} AS ${sum}`).join(", ")}`

/** A row of `factColumns` as a rollup of one execution. */
export const rollupOfFact = `
  mode, prompt_id, version_id, model_id, environment, hour AS period, status, error_type, 1::bigint AS executions,
  coalesce(prompt_tokens, 0)::bigint, coalesce(response_tokens, 0)::bigint, coalesce(latency_ms, 0)::bigint,
  (latency_ms IS NOT NULL)::int::bigint, coalesce(${sketchOfOne("bucket")}, 0)`

/** What is counted of an execution `e`: the columns that `executions` and `execution_rollups_pending` have in common. */
export const countedColumns = `
  e.execution_id, e.project_id, e.prompt_id, e.version_id, e.model_id, e.environment, e.created_at,
  e.status, e.error_type, e.prompt_tokens, e.response_tokens, e.latency_ms`

/** The executions that no rollup has, as `e`: those that have not ended, and those that have but are not folded yet. */
export const unfolded = (sql: PgClient.PgClient, where: Fragment) => sql`
  SELECT ${sql.literal(countedColumns)} FROM executions e WHERE e.status IN ('queued', 'running') AND ${where}
  UNION ALL
  SELECT ${sql.literal(countedColumns)} FROM execution_rollups_pending e WHERE ${where}`
