import { Effect, Layer, Option } from "effect"
import type * as SqlClient from "effect/sql/SqlClient"
import type { ProjectId } from "../../domain/Ids.ts"
import { RollupStore } from "../../services/RollupStore.ts"
import { Database } from "./Database.ts"
import { factColumns, hourColumns, hoursOfFacts, hourSums, rollupSums, summed } from "./facts.ts"
import { sketchOfOne } from "./latencies.ts"
import { orDefect } from "./orDefect.ts"

/** The advisory lock of who writes rollups: one at a time, so that two never wait for each other's rows. */
const WRITER = 7_206_502

/** What tells rollups apart comes first: sorting compares less. */
const keyColumns = `
  period, version_id, status, error_type, environment, model_id, grain, prompt_id, mode, project_id`
const columns = `${keyColumns}, ${rollupSums.join(", ")}`

/**
 * The rollups of hours like `hoursOfFacts`, by each grain, for each version and for all. Buckets come in order so that
 * rollups are made one after the other: a sum of such numbers takes room.
 */
const rollupsOf = (hours: string) => `
  SELECT ${keyColumns}, ${summed},
    coalesce(sum(latency_count * ${sketchOfOne("bucket")} ORDER BY bucket), 0) AS latencies
  FROM (
    SELECT ${keyColumns}, bucket, ${summed}
    FROM (
      ${hours}
    ) hourly (
      project_id, mode, one_prompt, one_version, model_id, environment, hour, status, error_type, bucket, ${hourSums.join(", ")}
    )
    CROSS JOIN LATERAL (VALUES (one_prompt, one_version), (NULL, NULL)) AS scope (prompt_id, version_id)
    CROSS JOIN LATERAL (VALUES
      ('hour'::period_grain, hour), ('day', date_trunc('day', hour, 'UTC')), ('week', date_trunc('week', hour, 'UTC')),
      ('month', date_trunc('month', hour, 'UTC')), ('ever', '-infinity')
    ) AS periods (grain, period)
    GROUP BY ${keyColumns}, bucket
  ) grained
  GROUP BY ${keyColumns}`

const addedUp = rollupSums.map((column) => `${column} = rollup.${column} + EXCLUDED.${column}`).join(", ")

/** `RollupStore` over PostgreSQL, a server's or PGlite's. */
export const layer = Layer.effect(
  RollupStore,
  Effect.gen(function* () {
    const { write, writing, migrating } = yield* Database

    /**
     * Takes executions off the queue and adds them to the rollups in one statement, so that none is counted twice or
     * lost, whenever it is cut off. An execution is queued by the transaction that ends it, so that one that commits
     * late is folded late, whatever time it says.
     */
    const foldPending = (limit: number) => write<{
      readonly mine: boolean
      readonly folded: number
    }>`
      WITH turn AS MATERIALIZED (
        SELECT pg_try_advisory_xact_lock(${WRITER}) AS mine
      ), taken AS (
        DELETE FROM execution_rollups_pending WHERE execution_id = ANY (ARRAY(
          SELECT execution_id FROM execution_rollups_pending WHERE (SELECT mine FROM turn) LIMIT ${limit}))
        RETURNING *
      ), facts AS (
        SELECT ${write.literal(factColumns)} FROM taken e JOIN prompts p ON p.prompt_id = e.prompt_id
      ), folded AS (
        INSERT INTO execution_rollups AS rollup (${write.literal(columns)})
        ${write.literal(rollupsOf(hoursOfFacts))}
        ON CONFLICT ON CONSTRAINT execution_rollups_key DO UPDATE SET ${write.literal(addedUp)}
      )
      SELECT (SELECT mine FROM turn) AS mine, count(*)::int AS folded FROM taken`

    /** Room to count in memory, for the transaction alone. */
    const takeRoom = (sql: SqlClient.SqlClient) => sql`
      SELECT set_config('work_mem', '256MB', true), set_config('jit', 'off', true)`

    const awaitTurn = (sql: SqlClient.SqlClient) => sql`SELECT pg_advisory_xact_lock(${WRITER})`

    const deleteRollups = (sql: SqlClient.SqlClient, project_id: ProjectId) => sql`
      DELETE FROM execution_rollups WHERE project_id = ${project_id}`

    /**
     * What is off the queue and what is counted are the same executions, but those that are gone by no rule; and each is
     * there or was dropped: one statement sees one state of the ledger.
     */
    const insertRollups = (sql: SqlClient.SqlClient, project_id: ProjectId) => sql<{
      readonly executions: number
    }>`
      WITH unqueued AS (
        DELETE FROM execution_rollups_pending WHERE project_id = ${project_id}
      ), facts AS (
        SELECT ${sql.literal(factColumns)} FROM executions e JOIN prompts p ON p.prompt_id = e.prompt_id
        WHERE e.project_id = ${project_id} AND e.completed_at IS NOT NULL
      ), dropped AS (
        SELECT ${sql.literal(hourColumns)} FROM execution_rollups_dropped WHERE project_id = ${project_id}
      ), rebuilt AS (
        INSERT INTO execution_rollups (${sql.literal(columns)})
        ${sql.literal(rollupsOf(`${hoursOfFacts} UNION ALL SELECT * FROM dropped`))}
        RETURNING grain, prompt_id, executions
      )
      SELECT coalesce(sum(executions), 0)::float8 AS executions FROM rebuilt WHERE grain = 'ever' AND prompt_id IS NULL`

    return RollupStore.of({
      fold: (limit) =>
        Effect.map(writing(foldPending(limit)), ([row]) =>
          row!.mine ? Option.some(row!.folded) : Option.none()
        ),
      rebuild: (project_id) =>
        Effect.gen(function* () {
          const sql = yield* migrating
          return yield* Effect.gen(function* () {
            yield* takeRoom(sql)
            yield* awaitTurn(sql)
            yield* deleteRollups(sql, project_id)
            const [row] = yield* insertRollups(sql, project_id)
            return row!.executions
          }).pipe(sql.withTransaction)
        }).pipe(Effect.scoped, orDefect)
    })
  })
)
