import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"

export interface ExecutionRow {
  readonly execution_id: string
  readonly marker: string
  readonly status: "queued" | "running" | "succeeded" | "failed" | "canceled"
  readonly mode: string
  readonly epoch: number
  readonly attempts: number
  readonly lost_attempts: number
  readonly response_text: string | null
  readonly provider_request_id: string | null
  readonly error_type: string | null
  readonly error_message: string | null
  readonly created_at: Date
  readonly completed_at: Date | null
  readonly lease_expires_at: Date | null
}

export interface AttemptRow {
  readonly execution_id: string
  readonly attempt_number: number
  readonly outcome: "succeeded" | "failed" | "retryable" | "canceled" | "unknown" | null
  readonly error_type: string | null
  readonly error_message: string | null
  readonly http_status: number | null
  readonly provider_request_id: string | null
  readonly latency_ms: number | null
  readonly started_at: Date
  readonly completed_at: Date | null
}

export interface Transition {
  readonly execution_id: string
  readonly old_status: string
  readonly new_status: string
  readonly old_epoch: number
  readonly new_epoch: number
  readonly ended: boolean
}

const TERMINAL: ReadonlySet<string> = new Set(["succeeded", "failed", "canceled"])
export const isTerminal = ({ status }: Pick<ExecutionRow, "status">) => TERMINAL.has(status)

/** The ledger as the database has it, read past the service on a connection of the suite's own. */
export const openLedger = Effect.fnUntraced(function* (url: string) {
  const sql = yield* PgClient.make({
    url: Redacted.make(url),
    maxConnections: 2,
    applicationName: "fault-suite"
  }).pipe(Effect.provide(Reactivity.layer), Effect.orDie)

  return {
    sql,
    executions: Effect.orDie(sql<ExecutionRow>`
      SELECT e.*, e.execution_mode AS mode, i.variables_json ->> 'marker' AS marker
      FROM executions e JOIN execution_inputs i USING (execution_id) ORDER BY e.execution_id`),
    attempts: Effect.orDie(sql<AttemptRow>`
      SELECT * FROM execution_attempts ORDER BY execution_id, attempt_number`),
    transitions: Effect.orDie(sql<Transition>`SELECT * FROM audit_transitions ORDER BY id`),

    /** Notes every change of an execution's state, whoever makes it. */
    installAudit: Effect.gen(function* () {
      yield* sql`
        CREATE TABLE audit_transitions (
          id bigint GENERATED ALWAYS AS IDENTITY, execution_id uuid,
          old_status text, new_status text, old_epoch int, new_epoch int, ended boolean
        )`
      yield* sql`
        CREATE FUNCTION audit_transition() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO audit_transitions (execution_id, old_status, new_status, old_epoch, new_epoch, ended)
          VALUES (OLD.execution_id, OLD.status, NEW.status, OLD.epoch, NEW.epoch, OLD.completed_at IS NOT NULL);
          RETURN NULL;
        END $$`
      yield* sql`
        CREATE TRIGGER audit_transition AFTER UPDATE ON executions FOR EACH ROW
        WHEN (OLD.completed_at IS NOT NULL OR (OLD.status, OLD.epoch) IS DISTINCT FROM (NEW.status, NEW.epoch))
        EXECUTE FUNCTION audit_transition()`
    }).pipe(Effect.orDie),

    /** Makes what waits for a retry due now: the service's steps of 5 s, 30 s and 2 min can't be configured. */
    makeDue: Effect.asVoid(
      Effect.orDie(sql`
        UPDATE executions SET next_attempt_at = now() WHERE status = 'queued' AND next_attempt_at > now()`)
    ),

    /** Connections that the service has to this database, and those of them that something goes on in. */
    connections: Effect.map(
      Effect.orDie(sql<{ readonly count: number; readonly busy: number }>`
        SELECT count(*)::int AS count, (count(*) FILTER (WHERE state <> 'idle'))::int AS busy FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = 'promptledger'`),
      ([row]) => row!
    ),

    /** Tables with a row that has this text anywhere. */
    tablesWith: Effect.fnUntraced(function* (text: string) {
      const tables = yield* sql<{ readonly name: string }>`
        SELECT format('%I', tablename) AS name FROM pg_tables WHERE schemaname = 'public'`
      return yield* Effect.filter(
        tables.map(({ name }) => name),
        (name) =>
          Effect.map(
            sql`SELECT 1 FROM ${sql.literal(name)} AS t WHERE position(${text} IN t::text) > 0 LIMIT 1`,
            (rows) => rows.length > 0
          )
      )
    }, Effect.orDie)
  }
})

export type Ledger = Effect.Success<ReturnType<typeof openLedger>>
