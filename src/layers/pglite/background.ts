import { Duration, Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"

/** A server looks every minute; here all is in one process, and a look costs little. */
const LOOK = Duration.seconds(10)

/** Bytes of log after which there is a checkpoint: a start after a crash reads about as much, in less than a second. */
const LOGGED = 128 * 1024 * 1024

/** Tables that a server's autovacuum would turn to (PostgreSQL's manual, section 24.1.6), by its own settings. */
const selectDue = (sql: SqlClient) => sql<{ readonly name: string }>`
  SELECT relid::regclass::text AS name
  FROM pg_stat_user_tables JOIN pg_class ON pg_class.oid = relid
  WHERE n_dead_tup > current_setting('autovacuum_vacuum_threshold')::integer
      + current_setting('autovacuum_vacuum_scale_factor')::float8 * greatest(reltuples, 0)
    OR n_ins_since_vacuum > current_setting('autovacuum_vacuum_insert_threshold')::integer
      + current_setting('autovacuum_vacuum_insert_scale_factor')::float8 * greatest(reltuples, 0)`

const vacuum = (sql: SqlClient) =>
  Effect.flatMap(selectDue(sql), (due) =>
    Effect.forEach(due, ({ name }) => sql.unsafe(`VACUUM (ANALYZE) ${name}`), { discard: true })
  )

const selectLogged = (sql: SqlClient) => sql<{ readonly bytes: number }>`
  SELECT (pg_current_wal_insert_lsn() - redo_lsn)::float8 AS bytes FROM pg_control_checkpoint()`

const checkpoint = (sql: SqlClient) =>
  Effect.flatMap(selectLogged(sql), ([logged]) =>
    logged!.bytes > LOGGED ? Effect.asVoid(sql`CHECKPOINT`) : Effect.void
  )

/**
 * Does what a server has processes for and PGlite has not. Without, dead rows would stay in tables, and whoever reads these
 * would read them too; and the log would grow for ever. Everything else waits meanwhile, mostly for milliseconds.
 */
export const background = (sql: SqlClient): Effect.Effect<never> =>
  Effect.andThen(vacuum(sql), checkpoint(sql)).pipe(
    Effect.catchCause((cause) => Effect.logWarning("the database was not looked after", cause)),
    Effect.delay(LOOK),
    Effect.forever
  )
