import { Duration, Effect, Schedule } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"

/** A server naps for a minute; here all is in one process, and a look costs little. */
const NAP = Duration.seconds(10)

/** Tables that a server's autovacuum would turn to (PostgreSQL's manual, section 24.1.6), by its own settings. */
const selectDue = (sql: SqlClient) => sql<{ readonly name: string }>`
  SELECT relid::regclass::text AS name
  FROM pg_stat_user_tables JOIN pg_class ON pg_class.oid = relid
  WHERE n_dead_tup > current_setting('autovacuum_vacuum_threshold')::integer
      + current_setting('autovacuum_vacuum_scale_factor')::float8 * greatest(reltuples, 0)
    OR n_ins_since_vacuum > current_setting('autovacuum_vacuum_insert_threshold')::integer
      + current_setting('autovacuum_vacuum_insert_scale_factor')::float8 * greatest(reltuples, 0)`

/**
 * Does what PGlite has no process for: takes dead rows out of tables, which would grow by every update, and with them what
 * reads them. Everything else waits meanwhile, some milliseconds for thousands of rows.
 */
export const autovacuum = (sql: SqlClient): Effect.Effect<void> =>
  selectDue(sql).pipe(
    Effect.flatMap((due) =>
      Effect.forEach(due, ({ name }) => sql.unsafe(`VACUUM (ANALYZE) ${name}`), { discard: true })
    ),
    Effect.catchCause((cause) => Effect.logWarning("tables were not vacuumed", cause)),
    Effect.delay(NAP),
    Effect.repeat(Schedule.forever),
    Effect.asVoid
  )
