import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, Layer } from "effect"
import type { Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { SqlClient } from "effect/sql"
import { isSqlError } from "effect/sql/SqlError"
import type { SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { DatabaseUnavailable } from "../../services/DatabaseUnavailable.ts"

/**
 * The connections that stores use. Reads are pipelined over few connections; writes have connections of their own,
 * since sharing one would make commits wait for each other's flush.
 */
export class Database extends Context.Service<
  Database,
  {
    readonly read: PgClient.PgClient
    readonly write: PgClient.PgClient
    /** The time that leases and schedules go by, as SQL: the database's own clock, but for a test's. */
    readonly now: Effect.Effect<Fragment>
  }
>()("promptledger/layers/postgres/Database") {
  /** A PostgreSQL server, 15 or newer. */
  static readonly layer = (options: PostgresOptions): Layer.Layer<Database, SqlError> => {
    const pool = {
      url: options.url,
      connectTimeout: Duration.seconds(2),
      applicationName: "promptledger",
      startupParameters: {
        statement_timeout: String(Duration.toMillis(Duration.seconds(10))),
        lock_timeout: String(Duration.toMillis(Duration.seconds(5)))
      }
    }
    return Layer.effect(
      Database,
      Effect.gen(function* () {
        const read = yield* PgClient.make({
          ...pool,
          multiplex: true,
          maxConnections: options.readConnections ?? 4
        })
        const write = yield* PgClient.make({ ...pool, maxConnections: options.writeConnections ?? 16 })
        return Database.of({ read, write, now: serverTime(write) })
      })
    ).pipe(Layer.provide(Reactivity.layer))
  }

  /** The client that writes, for what wants a plain `SqlClient`: migrations. */
  static readonly layerSqlClient = Layer.effect(
    SqlClient.SqlClient,
    Effect.map(Database, ({ write }) => write)
  )
}

/** The server's time in whole milliseconds, as columns keep it: what is stored as now is never in the future. */
export const serverTime = (sql: PgClient.PgClient): Effect.Effect<Fragment> =>
  Effect.succeed(sql.literal("date_trunc('milliseconds', now())"))

export interface PostgresOptions {
  readonly url: Redacted.Redacted
  /** Connections that reads share; 4 unless told. */
  readonly readConnections?: number
  /** Connections for writes; 16 unless told. */
  readonly writeConnections?: number
}

/** SQLSTATE classes of an outage: connection, transaction rolled back, resources, operator, system; and a lock's timeout. */
const OUTAGE = /^(?:08|40|53|57|58)|^55P03$/

const isOutage = ({ reason }: SqlError): boolean =>
  reason._tag === "ConnectionError" ||
  OUTAGE.test(String((reason.cause as { readonly code?: unknown } | undefined)?.code))

/** What a store does with a failing statement: an outage and a bug are both defects, but not the same one. */
export const orDefect = <A, E, R>(
  self: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, Exclude<E, SqlError>, R> =>
  Effect.catchIf(
    self,
    (error): error is SqlError => isSqlError(error),
    (error) => Effect.die(isOutage(error) ? new DatabaseUnavailable({ cause: error }) : error)
  ) as Effect.Effect<A, Exclude<E, SqlError>, R>
