import { Duration, Effect, Layer, Option } from "effect"
import type * as SqlClient from "effect/sql/SqlClient"
import type { Fragment } from "effect/sql/Statement"
import type { RetentionBounds } from "../../domain/retention.ts"
import { RetentionStore } from "../../services/RetentionStore.ts"
import type { Dropped } from "../../services/RetentionStore.ts"
import { Database } from "./Database.ts"
import { countedColumns, factColumns, hourColumns, hoursOfFacts, hourSums } from "./facts.ts"
import { orDefect } from "./orDefect.ts"

/** The advisory lock of who drops: one at a time, so that many processes cost the database no more than one. */
const DROPPER = 7_206_503

const turn = `turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(${DROPPER}) AS mine)`
const outcome = "(SELECT mine FROM turn) AS mine, (SELECT count(*)::int FROM old) AS dropped"

const addedUp = hourSums.map((column) => `${column} = kept.${column} + EXCLUDED.${column}`).join(", ")

interface Outcome {
  readonly mine: boolean
  readonly dropped: number
}

const toDropped = ([row]: ReadonlyArray<Outcome>) => (row!.mine ? Option.some(row!.dropped) : Option.none())

/** `RetentionStore` over PostgreSQL, a server's or PGlite's. */
export const layer = Layer.effect(
  RetentionStore,
  Effect.gen(function* () {
    const { write, writing, migrating, now } = yield* Database

    const before = (sql: SqlClient.SqlClient, time: Fragment, age: Duration.Duration) =>
      sql`${time} - ${Duration.toMillis(age)} * interval '1 millisecond'`

    /** By an array, of which no planner thinks that it has so many rows that the whole table may be read for them. */
    const isOld = write`execution_id = ANY (ARRAY(SELECT execution_id FROM old))`

    const dropBodies = Effect.fnUntraced(function* (age: Duration.Duration, limit: number) {
      const time = yield* now
      return yield* write<Outcome>`
        WITH ${write.literal(turn)}, old AS (
          SELECT execution_id FROM executions
          WHERE (SELECT mine FROM turn) AND completed_at < ${before(write, time, age)} AND bodies_dropped_at IS NULL
          ORDER BY completed_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
        ), execution AS (
          UPDATE executions SET
            rendered_prompt = NULL, response_text = NULL, error_message = NULL, bodies_dropped_at = ${time}
          WHERE ${isOld}
        ), inputs AS (
          DELETE FROM execution_inputs WHERE ${isOld}
        ), attempt AS (
          UPDATE execution_attempts SET error_message = NULL WHERE ${isOld} AND error_message IS NOT NULL
        )
        SELECT ${write.literal(outcome)}`
    })

    /** Executions with bodies and without, each by an index of its own. */
    const oldExecutions = (bodies: string, time: Fragment, age: Duration.Duration, limit: number) => write`
      SELECT execution_id FROM executions e
      WHERE (SELECT mine FROM turn) AND completed_at < ${before(write, time, age)} AND ${write.literal(bodies)}
        AND NOT EXISTS (SELECT FROM execution_rollups_pending pending WHERE pending.execution_id = e.execution_id)
      ORDER BY completed_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`

    /** What an execution has in the rollups is kept by the statement that drops it: a rebuild finds it in one of the two. */
    const dropExecutions = Effect.fnUntraced(function* (age: Duration.Duration, limit: number) {
      const time = yield* now
      return yield* write<Outcome>`
        WITH ${write.literal(turn)}, bare AS (
          ${oldExecutions("bodies_dropped_at IS NOT NULL", time, age, limit)}
        ), whole AS (
          ${oldExecutions("bodies_dropped_at IS NULL", time, age, limit)}
        ), old AS (
          SELECT execution_id FROM bare UNION ALL SELECT execution_id FROM whole LIMIT ${limit}
        ), dropped AS (
          DELETE FROM executions e WHERE ${isOld}
          RETURNING ${write.literal(countedColumns)}
        ), facts AS (
          SELECT ${write.literal(factColumns)} FROM dropped e JOIN prompts p ON p.prompt_id = e.prompt_id
        ), remembered AS (
          INSERT INTO execution_rollups_dropped AS kept (${write.literal(hourColumns)})
          ${write.literal(hoursOfFacts)}
          ON CONFLICT ON CONSTRAINT execution_rollups_dropped_key DO UPDATE SET ${write.literal(addedUp)}
        )
        SELECT ${write.literal(outcome)}`
    })

    const countOld = (sql: SqlClient.SqlClient, time: Fragment, { bodies, executions }: RetentionBounds) => {
      const older = (age: Duration.Duration | undefined) =>
        age === undefined ? sql`false` : sql`completed_at < ${before(sql, time, age)}`
      return sql<Dropped>`
        SELECT
          (SELECT count(*) FROM executions WHERE ${older(executions)})::float8 AS executions,
          (SELECT count(*) FROM executions
            WHERE bodies_dropped_at IS NULL AND ${older(bodies)} AND NOT ${older(executions)})::float8 AS bodies`
    }

    return RetentionStore.of({
      dropBodies: (age, limit) => Effect.map(writing(dropBodies(age, limit)), toDropped),
      dropExecutions: (age, limit) => Effect.map(writing(dropExecutions(age, limit)), toDropped),
      count: (bounds) =>
        Effect.gen(function* () {
          const [row] = yield* countOld(yield* migrating, yield* now, bounds)
          return row!
        }).pipe(Effect.scoped, orDefect)
    })
  })
)
