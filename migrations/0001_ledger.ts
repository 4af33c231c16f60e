import { Effect } from "effect"
import * as SqlClient from "effect/sql/SqlClient"

/** The ledger: projects and their keys, prompts and their versions, models, executions with inputs and attempts. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`CREATE TYPE prompt_mode AS ENUM ('full', 'tracking')`
  yield* sql`CREATE TYPE prompt_version_status AS ENUM ('draft', 'active', 'deprecated')`
  yield* sql`CREATE TYPE execution_mode AS ENUM ('sync', 'async')`
  yield* sql`CREATE TYPE execution_status AS ENUM ('queued', 'running', 'succeeded', 'failed', 'canceled')`
  yield* sql`CREATE TYPE attempt_outcome AS ENUM ('succeeded', 'failed', 'retryable', 'canceled', 'unknown')`
  yield* sql`CREATE TYPE provider_name AS ENUM ('openai', 'echo')`

  yield* sql`
    CREATE TABLE projects (
      project_id uuid PRIMARY KEY,
      name text NOT NULL CONSTRAINT projects_name_key UNIQUE,
      created_at timestamptz(3) NOT NULL DEFAULT now()
    )`
  yield* sql`
    INSERT INTO projects (project_id, name) VALUES ('00000000-0000-7000-8000-000000000001', 'default')`

  yield* sql`
    CREATE TABLE api_keys (
      key_id uuid PRIMARY KEY,
      project_id uuid NOT NULL REFERENCES projects,
      name text NOT NULL,
      key_hash text NOT NULL CONSTRAINT api_keys_key_hash_key UNIQUE CHECK (key_hash ~ '^[0-9a-f]{64}$'),
      scopes text[] NOT NULL,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      expires_at timestamptz(3),
      revoked_at timestamptz(3),
      last_used_at timestamptz(3)
    )`
  yield* sql`CREATE INDEX idx_api_keys_project ON api_keys (project_id)`

  yield* sql`
    CREATE TABLE prompts (
      prompt_id uuid PRIMARY KEY,
      project_id uuid NOT NULL REFERENCES projects,
      name text COLLATE "C" NOT NULL CHECK (name ~ '^[A-Za-z0-9_./-]{1,255}$'),
      mode prompt_mode NOT NULL,
      description text,
      owner_team text,
      active_version_id uuid,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      updated_at timestamptz(3) NOT NULL DEFAULT now(),
      CONSTRAINT prompts_project_name_key UNIQUE (project_id, name)
    )`
  yield* sql`
    CREATE TABLE prompt_versions (
      version_id uuid PRIMARY KEY,
      prompt_id uuid NOT NULL REFERENCES prompts,
      version_number integer NOT NULL CHECK (version_number > 0),
      status prompt_version_status NOT NULL,
      template_source text NOT NULL,
      checksum_hash text NOT NULL CHECK (checksum_hash ~ '^[0-9a-f]{64}$'),
      created_by text,
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      CONSTRAINT prompt_versions_number_key UNIQUE (prompt_id, version_number),
      CONSTRAINT prompt_versions_checksum_key UNIQUE (prompt_id, checksum_hash),
      CONSTRAINT prompt_versions_prompt_version_key UNIQUE (prompt_id, version_id)
    )`
  yield* sql`
    ALTER TABLE prompts ADD CONSTRAINT prompts_active_version_fkey
      FOREIGN KEY (prompt_id, active_version_id) REFERENCES prompt_versions (prompt_id, version_id)`
  yield* sql`
    CREATE FUNCTION prompt_versions_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF (OLD.version_id, OLD.prompt_id, OLD.version_number, OLD.template_source, OLD.checksum_hash,
          OLD.created_by, OLD.created_at)
         IS DISTINCT FROM
         (NEW.version_id, NEW.prompt_id, NEW.version_number, NEW.template_source, NEW.checksum_hash,
          NEW.created_by, NEW.created_at)
      THEN
        RAISE EXCEPTION 'a prompt version never changes, but for its status' USING ERRCODE = 'check_violation';
      END IF;
      RETURN NEW;
    END $$`
  yield* sql`
    CREATE TRIGGER prompt_versions_immutable BEFORE UPDATE ON prompt_versions
      FOR EACH ROW EXECUTE FUNCTION prompt_versions_immutable()`

  yield* sql`
    CREATE TABLE models (
      model_id uuid PRIMARY KEY,
      provider provider_name NOT NULL,
      model_name text NOT NULL,
      max_tokens integer CHECK (max_tokens > 0),
      supports_streaming boolean NOT NULL DEFAULT true,
      prompt_token_price double precision CHECK (prompt_token_price >= 0),
      response_token_price double precision CHECK (response_token_price >= 0),
      CONSTRAINT models_provider_name_key UNIQUE (provider, model_name)
    )`
  yield* sql`COMMENT ON COLUMN models.prompt_token_price IS 'US dollars per million tokens'`
  yield* sql`COMMENT ON COLUMN models.response_token_price IS 'US dollars per million tokens'`
  yield* sql`
    INSERT INTO models (model_id, provider, model_name, max_tokens, prompt_token_price, response_token_price) VALUES
      ('00000000-0000-7000-8000-000000000010', 'echo', 'echo', NULL, 0, 0),
      ('00000000-0000-7000-8000-000000000011', 'openai', 'gpt-4o', 16384, NULL, NULL),
      ('00000000-0000-7000-8000-000000000012', 'openai', 'gpt-4o-mini', 16384, NULL, NULL),
      ('00000000-0000-7000-8000-000000000013', 'openai', 'gpt-4.1', 32768, NULL, NULL),
      ('00000000-0000-7000-8000-000000000014', 'openai', 'gpt-4.1-mini', 32768, NULL, NULL)`

  yield* sql`
    CREATE TABLE executions (
      execution_id uuid PRIMARY KEY,
      project_id uuid NOT NULL REFERENCES projects,
      prompt_id uuid NOT NULL,
      version_id uuid NOT NULL,
      model_id uuid NOT NULL REFERENCES models,
      environment text NOT NULL DEFAULT 'dev',
      execution_mode execution_mode NOT NULL,
      status execution_status NOT NULL,
      correlation_id text,
      idempotency_key text,
      request_fingerprint text,
      params jsonb NOT NULL DEFAULT '{}',
      rendered_prompt text NOT NULL,
      rendered_prompt_bytes integer NOT NULL,
      rendered_prompt_sha256 text NOT NULL,
      response_text text,
      response_bytes integer,
      response_sha256 text,
      truncated boolean NOT NULL DEFAULT false,
      prompt_tokens integer,
      response_tokens integer,
      latency_ms integer,
      provider_request_id text,
      error_type text,
      error_message text,
      epoch integer NOT NULL DEFAULT 0,
      attempts smallint NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND 4),
      lost_attempts smallint NOT NULL DEFAULT 0 CHECK (lost_attempts BETWEEN 0 AND 3),
      next_attempt_at timestamptz(3),
      lease_expires_at timestamptz(3),
      created_at timestamptz(3) NOT NULL DEFAULT now(),
      started_at timestamptz(3),
      completed_at timestamptz(3),
      CONSTRAINT executions_version_fkey FOREIGN KEY (prompt_id, version_id)
        REFERENCES prompt_versions (prompt_id, version_id),
      CONSTRAINT executions_idempotency_key UNIQUE (prompt_id, idempotency_key),
      CONSTRAINT executions_fingerprint CHECK ((idempotency_key IS NULL) = (request_fingerprint IS NULL)),
      CONSTRAINT executions_queued CHECK ((status = 'queued') = (next_attempt_at IS NOT NULL)),
      CONSTRAINT executions_running CHECK ((status = 'running') = (lease_expires_at IS NOT NULL)),
      CONSTRAINT executions_ended CHECK ((status IN ('succeeded', 'failed', 'canceled')) = (completed_at IS NOT NULL))
    )`
  yield* sql`CREATE INDEX idx_exec_prompt_time ON executions (prompt_id, created_at DESC)`
  yield* sql`CREATE INDEX idx_exec_version_time ON executions (version_id, created_at DESC)`
  yield* sql`CREATE INDEX idx_exec_status_time ON executions (status, created_at DESC)`
  yield* sql`CREATE INDEX idx_exec_corr ON executions (correlation_id)`
  yield* sql`CREATE INDEX idx_exec_project_time ON executions (project_id, created_at DESC)`
  yield* sql`CREATE INDEX idx_exec_due ON executions (next_attempt_at) WHERE status = 'queued'`
  yield* sql`CREATE INDEX idx_exec_lease ON executions (lease_expires_at) WHERE status = 'running'`
  yield* sql`
    CREATE FUNCTION executions_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF OLD.completed_at IS NOT NULL THEN
        RAISE EXCEPTION 'an execution that has ended never changes' USING ERRCODE = 'check_violation';
      END IF;
      IF NEW.epoch < OLD.epoch THEN
        RAISE EXCEPTION 'the epoch of an execution never falls' USING ERRCODE = 'check_violation';
      END IF;
      RETURN NEW;
    END $$`
  yield* sql`
    CREATE TRIGGER executions_guard BEFORE UPDATE ON executions
      FOR EACH ROW EXECUTE FUNCTION executions_guard()`

  yield* sql`
    CREATE TABLE execution_inputs (
      execution_id uuid PRIMARY KEY REFERENCES executions ON DELETE CASCADE,
      variables_json jsonb NOT NULL
    )`
  yield* sql`
    CREATE TABLE execution_attempts (
      execution_id uuid NOT NULL REFERENCES executions ON DELETE CASCADE,
      attempt_number integer NOT NULL,
      started_at timestamptz(3) NOT NULL,
      completed_at timestamptz(3),
      outcome attempt_outcome,
      error_type text,
      error_message text,
      http_status integer,
      provider_request_id text,
      latency_ms integer,
      prompt_tokens integer,
      response_tokens integer,
      PRIMARY KEY (execution_id, attempt_number)
    )`
})
