import { Effect } from "effect"
import * as SqlClient from "effect/sql/SqlClient"

/** Executions may lose their bodies, and go altogether while the rollups keep what they counted. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`ALTER TABLE executions ADD COLUMN bodies_dropped_at timestamptz(3), ALTER COLUMN rendered_prompt DROP NOT NULL`
  // Not checked of the rows that are there, which would read them all: until now their prompt could not be null.
  yield* sql`
    ALTER TABLE executions ADD CONSTRAINT executions_bodies CHECK (
      CASE WHEN bodies_dropped_at IS NULL THEN rendered_prompt IS NOT NULL
      ELSE completed_at IS NOT NULL AND num_nonnulls(rendered_prompt, response_text, error_message) = 0 END
    ) NOT VALID`
  yield* sql`
    COMMENT ON COLUMN executions.bodies_dropped_at IS
      'when its texts were dropped for their age, those of its attempts and its row of execution_inputs with them'`

  yield* sql`
    CREATE OR REPLACE FUNCTION executions_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF OLD.completed_at IS NOT NULL THEN
        DECLARE
          bare executions := OLD;
        BEGIN
          bare.rendered_prompt := NULL;
          bare.response_text := NULL;
          bare.error_message := NULL;
          bare.bodies_dropped_at := NEW.bodies_dropped_at;
          IF OLD.bodies_dropped_at IS NULL AND NEW.bodies_dropped_at IS NOT NULL AND NEW IS NOT DISTINCT FROM bare THEN
            RETURN NEW;
          END IF;
        END;
        RAISE EXCEPTION 'an execution that has ended never changes, but that its bodies are dropped'
          USING ERRCODE = 'check_violation';
      END IF;
      IF NEW.epoch < OLD.epoch THEN
        RAISE EXCEPTION 'the epoch of an execution never falls' USING ERRCODE = 'check_violation';
      END IF;
      RETURN NEW;
    END $$`
  // Called only for what it may refuse: an ended row, or an epoch that falls.
  yield* sql`
    CREATE OR REPLACE TRIGGER executions_guard BEFORE UPDATE ON executions
      FOR EACH ROW WHEN (OLD.completed_at IS NOT NULL OR NEW.epoch < OLD.epoch) EXECUTE FUNCTION executions_guard()`
  // An ended row changes only when its bodies are dropped, so any other update that leaves it ended is the one that ended it.
  yield* sql`DROP TRIGGER executions_ended ON executions`
  yield* sql`
    CREATE TRIGGER executions_ended AFTER INSERT OR UPDATE ON executions
      FOR EACH ROW WHEN (NEW.completed_at IS NOT NULL AND NEW.bodies_dropped_at IS NULL)
      EXECUTE FUNCTION executions_ended()`

  yield* sql`CREATE INDEX idx_exec_ended ON executions (completed_at) WHERE completed_at IS NOT NULL AND bodies_dropped_at IS NULL`
  yield* sql`CREATE INDEX idx_exec_bare ON executions (completed_at) WHERE bodies_dropped_at IS NOT NULL`

  yield* sql`
    CREATE TABLE execution_rollups_dropped (
      project_id uuid NOT NULL,
      mode prompt_mode NOT NULL,
      prompt_id uuid NOT NULL,
      version_id uuid NOT NULL,
      model_id uuid NOT NULL,
      environment text NOT NULL,
      hour timestamptz NOT NULL,
      status execution_status NOT NULL,
      error_type text,
      bucket smallint,
      executions bigint NOT NULL,
      prompt_tokens bigint NOT NULL,
      response_tokens bigint NOT NULL,
      latency_ms bigint NOT NULL,
      latency_count bigint NOT NULL,
      CONSTRAINT execution_rollups_dropped_key UNIQUE NULLS NOT DISTINCT
        (project_id, hour, version_id, model_id, environment, status, error_type, bucket)
    )`
  yield* sql`
    COMMENT ON TABLE execution_rollups_dropped IS
      'what executions that were dropped have in execution_rollups, by hour and bucket of latency: a rebuild adds it'`
})
