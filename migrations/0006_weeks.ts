import { Effect } from "effect"
import * as SqlClient from "effect/sql/SqlClient"

/**
 * Rollups of weeks, from Monday on in UTC. The type of `grain` gets a new name with the new value: what folds without
 * weeks, an older version of the service, fails by it and leaves its executions to those that know of weeks.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`CREATE TYPE period_grain AS ENUM ('hour', 'day', 'week', 'month', 'ever')`
  yield* sql`ALTER TABLE execution_rollups ALTER COLUMN grain TYPE period_grain USING grain::text::period_grain`
  yield* sql`DROP TYPE rollup_grain`
  yield* sql`
    INSERT INTO execution_rollups (
      project_id, mode, prompt_id, version_id, model_id, environment, grain, period, status, error_type,
      executions, prompt_tokens, response_tokens, latency_ms, latency_count, latencies)
    SELECT project_id, mode, prompt_id, version_id, model_id, environment,
      'week', date_trunc('week', period, 'UTC'), status, error_type,
      sum(executions), sum(prompt_tokens), sum(response_tokens), sum(latency_ms), sum(latency_count), sum(latencies)
    FROM execution_rollups WHERE grain = 'day'
    GROUP BY project_id, mode, prompt_id, version_id, model_id, environment, date_trunc('week', period, 'UTC'), status, error_type`
  yield* sql`
    COMMENT ON COLUMN execution_rollups.period IS
      'start, in UTC, of the hour, day, week or month that the executions were created in; -infinity for ever'`
})
