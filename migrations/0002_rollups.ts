import { Effect } from "effect"
import * as SqlClient from "effect/sql/SqlClient"

/** Rollups of ended executions, the queue of those that are to be folded into them, and an index for lists by environment. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`CREATE TYPE rollup_grain AS ENUM ('hour', 'day', 'month', 'ever')`
  yield* sql`
    CREATE TABLE execution_rollups (
      project_id uuid NOT NULL,
      mode prompt_mode NOT NULL,
      prompt_id uuid,
      version_id uuid,
      model_id uuid NOT NULL,
      environment text NOT NULL,
      grain rollup_grain NOT NULL,
      period timestamptz NOT NULL,
      status execution_status NOT NULL CHECK (status IN ('succeeded', 'failed', 'canceled')),
      error_type text,
      executions bigint NOT NULL CHECK (executions > 0),
      prompt_tokens bigint NOT NULL,
      response_tokens bigint NOT NULL,
      latency_ms bigint NOT NULL,
      latency_count bigint NOT NULL,
      latency_buckets smallint[] NOT NULL,
      latency_counts bigint[] NOT NULL,
      CONSTRAINT execution_rollups_scope CHECK ((prompt_id IS NULL) = (version_id IS NULL)),
      CONSTRAINT execution_rollups_key UNIQUE NULLS NOT DISTINCT
        (project_id, prompt_id, grain, period, mode, version_id, model_id, environment, status, error_type)
    )`
  yield* sql`
    CREATE INDEX idx_rollups_project_time ON execution_rollups (project_id, grain, period)
      WHERE prompt_id IS NOT NULL`
  yield* sql`
    CREATE INDEX idx_rollups_all_time ON execution_rollups (project_id, grain, period) WHERE prompt_id IS NULL`
  yield* sql`COMMENT ON COLUMN execution_rollups.version_id IS 'null, as prompt_id: all prompts of the mode together'`
  yield* sql`
    COMMENT ON COLUMN execution_rollups.period IS
      'start, in UTC, of the hour, day or month that the executions were created in; -infinity for ever'`
  yield* sql`COMMENT ON COLUMN execution_rollups.latency_ms IS 'sum of the executions that have a latency'`
  yield* sql`
    COMMENT ON COLUMN execution_rollups.latency_buckets IS
      'DDSketch of latencies: buckets that are not empty, ascending; latency_counts has the count of each'`

  yield* sql`
    CREATE TABLE execution_rollups_pending (
      execution_id uuid PRIMARY KEY,
      project_id uuid NOT NULL,
      prompt_id uuid NOT NULL,
      version_id uuid NOT NULL,
      model_id uuid NOT NULL,
      environment text NOT NULL,
      created_at timestamptz(3) NOT NULL,
      status execution_status NOT NULL,
      error_type text,
      prompt_tokens integer,
      response_tokens integer,
      latency_ms integer
    )`
  yield* sql`
    COMMENT ON TABLE execution_rollups_pending IS
      'ended executions that are not in execution_rollups yet, with what is counted of them'`
  yield* sql`
    CREATE FUNCTION executions_ended() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO execution_rollups_pending VALUES (
        NEW.execution_id, NEW.project_id, NEW.prompt_id, NEW.version_id, NEW.model_id, NEW.environment, NEW.created_at,
        NEW.status, NEW.error_type, NEW.prompt_tokens, NEW.response_tokens, NEW.latency_ms);
      RETURN NULL;
    END $$`
  // An ended row never changes, so an update that leaves it ended is the one that ended it.
  yield* sql`
    CREATE TRIGGER executions_ended AFTER INSERT OR UPDATE ON executions
      FOR EACH ROW WHEN (NEW.completed_at IS NOT NULL) EXECUTE FUNCTION executions_ended()`
  yield* sql`
    INSERT INTO execution_rollups_pending
    SELECT execution_id, project_id, prompt_id, version_id, model_id, environment, created_at,
      status, error_type, prompt_tokens, response_tokens, latency_ms
    FROM executions WHERE completed_at IS NOT NULL`

  yield* sql`CREATE INDEX idx_exec_project_env_time ON executions (project_id, environment, created_at DESC)`
})
