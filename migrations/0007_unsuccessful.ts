import { Effect } from "effect"
import * as SqlClient from "effect/sql/SqlClient"

/**
 * Indexes of what failed or was canceled, which is what lists are asked for when something is wrong: without them a prompt
 * that has none of it is looked for among that of all prompts, and a project among that of all projects. Few executions are
 * in them, so that they cost writes next to nothing.
 */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`
    CREATE INDEX idx_exec_prompt_unsuccessful ON executions (prompt_id, status, created_at DESC)
      WHERE status IN ('failed', 'canceled')`
  yield* sql`
    CREATE INDEX idx_exec_project_unsuccessful ON executions (project_id, status, created_at DESC)
      WHERE status IN ('failed', 'canceled')`
})
