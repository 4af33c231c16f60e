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

/** `hourSums` of a group of facts. */
const countedUp = `
  count(*) AS executions, coalesce(sum(prompt_tokens), 0) AS prompt_tokens,
  coalesce(sum(response_tokens), 0) AS response_tokens, coalesce(sum(latency_ms), 0) AS latency_ms,
  count(latency_ms) AS latency_count`

/** The rows of `facts`, added up by hour and bucket. */
export const hoursOfFacts = `
  SELECT ${hourKeys}, ${countedUp}
  FROM facts
  GROUP BY hour, bucket, version_id, status, error_type, environment, model_id, prompt_id, mode, project_id`

/** What is added up of each rollup. */
export const rollupSums = [...hourSums, "latencies"]

/** What tells the parts of a group apart, beside its key. */
const partKeys = "model_id, status, error_type"

/** Rollups as parts of groups that have a key; with the sign -1, to be taken away. */
export const partOfRollups = (key: string, sign: 1 | -1) => `
  SELECT ${key} AS key, ${partKeys}, ${rollupSums.map((sum) => (sign === 1 ? sum : `-${sum} AS ${sum}`)).join(", ")}
  FROM execution_rollups r`

/**
 * The same of selected rows of `factColumns`. They are added up by bucket, so that a sketch is made of each bucket and
 * not of each execution; and by no more columns than tell parts apart, so that a hash table is enough for it.
 */
export const partOfFacts = (sql: PgClient.PgClient, key: string, facts: Fragment) => sql`
  SELECT ${sql.literal(`${key} AS key, ${partKeys}, ${countedUp},
    coalesce(count(latency_ms) * ${sketchOfOne("bucket")}, 0) AS latencies`)}
  FROM (SELECT hour AS period, facts.* FROM (${facts}) facts) fact
  GROUP BY key, ${sql.literal(partKeys)}, bucket`

/** What is counted of an execution `e`: the columns that `executions` and `execution_rollups_pending` have in common. */
export const countedColumns = `
  e.execution_id, e.project_id, e.prompt_id, e.version_id, e.model_id, e.environment, e.created_at,
  e.status, e.error_type, e.prompt_tokens, e.response_tokens, e.latency_ms`

/** The executions that no rollup has, as `e`: those that have not ended, and those that have but are not folded yet. */
export const unfolded = (sql: PgClient.PgClient, where: Fragment) => sql`
  SELECT ${sql.literal(countedColumns)} FROM executions e WHERE e.status IN ('queued', 'running') AND ${where}
  UNION ALL
  SELECT ${sql.literal(countedColumns)} FROM execution_rollups_pending e WHERE ${where}`
