import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"

/** What a piece of work asked of PostgreSQL. */
export interface Statements {
  /** Statements, transaction control included. */
  readonly calls: number
  /** Rows inserted, updated and deleted. */
  readonly written: number
  /** Bytes of write-ahead log. */
  readonly wal: number
}

/** Statements that are not the work's: ours, and the look-ups of keys, which go by time. */
const OTHERS = "%(pg_stat_statements|pg_current_wal|api_keys|bench_)%"

/** Counts what PostgreSQL does, by its own books (`pg_stat_statements`). */
export const makeStatements = Effect.fnUntraced(function* (url: string) {
  const sql = yield* PgClient.make({ url: Redacted.make(url), maxConnections: 1 }).pipe(
    Effect.provide(Reactivity.layer)
  )
  const counted = yield* sql`CREATE EXTENSION IF NOT EXISTS pg_stat_statements`.pipe(
    Effect.as(true),
    Effect.orElseSucceed(() => false)
  )

  const position = Effect.map(
    sql<{ position: string }>`SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS position`,
    ([row]) => Number(row!.position)
  )
  const counts = sql<Omit<Statements, "wal">>`
    SELECT coalesce(sum(calls), 0)::int AS calls,
      coalesce(sum(rows) FILTER (WHERE query ~* '^\s*(WITH|INSERT|UPDATE|DELETE)'), 0)::int AS written
    FROM pg_stat_statements WHERE query NOT SIMILAR TO ${OTHERS}`

  const count = Effect.fnUntraced(function* <A, E, R>(work: Effect.Effect<A, E, R>) {
    if (!counted) return { result: yield* work, statements: undefined }
    yield* sql`SELECT pg_stat_statements_reset()`
    const before = yield* position
    const result = yield* work
    const wal = (yield* position) - before
    const [row] = yield* counts
    return { result, statements: { ...row!, wal } }
  })

  return { sql, counted, count }
})
