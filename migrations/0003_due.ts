import { Effect } from "effect"
import * as SqlClient from "effect/sql/SqlClient"

/** What is due is asked for by its time alone, which only queued executions have: no other index can stand in for this one. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`CREATE INDEX idx_exec_next_attempt ON executions (next_attempt_at) WHERE next_attempt_at IS NOT NULL`
  yield* sql`DROP INDEX idx_exec_due`
})
