import { Effect, Schedule } from "effect"
import type { makeStatements } from "./statements.ts"

type Books = Effect.Success<ReturnType<typeof makeStatements>>

const untilNone = (exists: Effect.Effect<ReadonlyArray<{ readonly left: boolean }>, unknown>) =>
  exists.pipe(
    Effect.orDie,
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: ([row]) => !row!.left })
  )

/** Waits until every execution has ended. */
export const untilDone = ({ sql }: Books) =>
  untilNone(sql<{ left: boolean }>`
    SELECT EXISTS (SELECT FROM executions WHERE status IN ('queued', 'running')) AS left /* pg_stat_statements */`)

/** Waits until every ended execution is in the rollups. */
export const untilFolded = ({ sql }: Books) =>
  untilNone(sql<{ left: boolean }>`
    SELECT EXISTS (SELECT FROM execution_rollups_pending) AS left /* pg_stat_statements */`)

/** How many of the latest executions got done in a second, from the first row to the last end. */
export const doneRate = Effect.fnUntraced(function* ({ sql }: Books, amount: number) {
  const [row] = yield* sql<{ seconds: number; failed: number }>`
    SELECT extract(epoch FROM max(completed_at) - min(created_at))::float8 AS seconds,
      (count(*) FILTER (WHERE status <> 'succeeded'))::int AS failed
    FROM (SELECT * FROM executions ORDER BY created_at DESC, execution_id DESC LIMIT ${amount}) latest`.pipe(
    Effect.orDie
  )
  if (row!.failed > 0) return yield* Effect.die(new Error(`${row!.failed} executions failed`))
  return amount / row!.seconds
})
