import { Effect } from "effect"
import * as SqlClient from "effect/sql/SqlClient"

/**
 * Indexes for lists by two filters: where few executions or none pass both, they would be looked for among all that
 * pass the one. What failed or was canceled is little, and costs other writes next to nothing.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`
    CREATE INDEX idx_exec_prompt_unsuccessful ON executions (prompt_id, status, created_at DESC)
      WHERE status IN ('failed', 'canceled')`
  yield* sql`
    CREATE INDEX idx_exec_project_unsuccessful ON executions (project_id, status, created_at DESC)
      WHERE status IN ('failed', 'canceled')`
  yield* sql`CREATE INDEX idx_exec_prompt_env_time ON executions (prompt_id, environment, created_at DESC)`
})
