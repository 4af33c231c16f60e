import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, Layer, Redacted } from "effect"
import type { Scope } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as SqlClient from "effect/sql/SqlClient"
import { ConnectionError, SqlError } from "effect/sql/SqlError"
import type { Fragment } from "effect/sql/Statement"
import { gathering } from "../gathering.ts"
import { makeNotifier } from "./notifier.ts"
import type { Notifier } from "./notifier.ts"
import { makeExhaustion } from "./exhaustion.ts"
import { makeBulkhead } from "./bulkhead.ts"
import type { Bulkhead } from "./bulkhead.ts"
import { makeLane } from "./lane.ts"
import type { Lane, LaneOptions } from "./lane.ts"
import { addressOf, watchedSocket } from "./watchedSocket.ts"

/**
 * The connections that stores use. Reads are pipelined over few connections; writes have connections of their own,
 * since sharing one would make commits wait for each other's flush, and so have scans, reads that go over many rows:
 * whatever shares one with them waits for their end.
 */
export class Database extends Context.Service<
  Database,
  {
    readonly read: PgClient.PgClient
    readonly scan: PgClient.PgClient
    readonly write: PgClient.PgClient
    /** What every operation of a store goes through, by the connections that it uses. */
    readonly reading: Bulkhead
    readonly scanning: Bulkhead
    readonly writing: Bulkhead
    /** Lanes for operations of one kind, which are sent together. */
    readonly readingLane: MakeLane
    readonly writingLane: MakeLane
    /** Whether the server lately refused to write for want of something: of which a full disk tells no reader. */
    readonly exhausted: () => boolean
    /** The time that leases and schedules go by, as SQL: the database's own clock, but for a test's. */
    readonly now: Effect.Effect<Fragment>
    /** Calls the workers of other processes. */
    readonly notifier: Notifier
    /** A connection for migrations, which may take as long as they need. */
    readonly migrating: Effect.Effect<SqlClient.SqlClient, SqlError, Scope.Scope>
  }
>()("promptledger/layers/postgres/Database") {
  /** A PostgreSQL server, 15 or newer. */
  static readonly layer = (options: PostgresOptions): Layer.Layer<Database, SqlError> => {
    const { url, readConnections = 2, scanConnections = 2, writeConnections = 16 } = options
    const client = {
      url,
      connectTimeout: CONNECT,
      applicationName: "promptledger",
      maxMessageSize: MESSAGE_BYTES
    }
    return Layer.effect(
      Database,
      Effect.gen(function* () {
        const address = addressOf(yield* parse(url))
        const pool = {
          ...client,
          stream: () => watchedSocket(address, SILENCE),
          startupParameters: STARTUP
        }
        const reactivity = yield* Reactivity.Reactivity
        const read = yield* PgClient.make({
          ...pool,
          stream: () => gathering(pool.stream()),
          multiplex: true,
          multiplexConcurrency: PIPELINED,
          maxConnections: readConnections
        })
        const scan = yield* PgClient.make({ ...pool, maxConnections: scanConnections })
        const write = yield* PgClient.make({
          ...pool,
          startupParameters: { ...STARTUP, ...BY_KEY },
          maxConnections: writeConnections
        })
        const bounds = { patience: PATIENCE, waiting: WAITING }
        const { note, exhausted } = makeExhaustion()
        const writing = makeBulkhead({ ...bounds, pool: "write", permits: writeConnections, onOutage: note })
        const reading = makeBulkhead({ ...bounds, pool: "read", permits: readConnections * PIPELINED })
        return Database.of({
          read,
          scan,
          write,
          reading,
          scanning: makeBulkhead({ ...bounds, pool: "scan", permits: scanConnections }),
          writing,
          readingLane: (kind) => makeLane({ ...kind, through: reading, patience: PATIENCE }),
          writingLane: (kind) => makeLane({ ...kind, through: writing, patience: PATIENCE }),
          exhausted,
          now: serverTime(write),
          notifier: yield* makeNotifier({
            connection: {
              ...pool,
              stream: () => watchedSocket(address, SILENCE).setKeepAlive(true, KEEP_ALIVE)
            },
            sql: write,
            through: writing
          }),
          migrating: PgClient.make({ ...client, maxConnections: 1 }).pipe(
            Effect.provideService(Reactivity.Reactivity, reactivity)
          )
        })
      })
    ).pipe(Layer.provide(Reactivity.layer))
  }
}

/** The driver would quote what is no URL, with the password that may be in it. */
const parse = (url: Redacted.Redacted): Effect.Effect<URL, SqlError> =>
  Effect.try({
    try: () => new URL(Redacted.value(url)),
    catch: () => {
      const message = "Expected a URL like postgres://user:password@host:5432/database"
      return new SqlError({
        reason: new ConnectionError({ cause: new Error(message), message, operation: "connect" })
      })
    }
  })

/**
 * Writes find their rows by key. The planner would rather read a table whole while it is small, or was when it was last
 * looked at, and a prepared statement keeps to that while the table grows.
 */
export const BY_KEY = {
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  enable_material: "off"
}

/** More than any row has: a hundred thousand of the smallest numbers, written out. A larger one would end the connection. */
export const MESSAGE_BYTES = 64 * 1024 * 1024

type MakeLane = <Item, Row>(
  options: Omit<LaneOptions<Item, Row>, "through" | "patience">
) => Effect.Effect<Lane<Item, Row>>

/** A caller has its answer within two seconds (issue 3): first the server gives up, then the caller, then the socket. */
const LOCK = Duration.millis(1_000)
const STATEMENT = Duration.millis(1_200)
const PATIENCE = Duration.millis(1_500)
const CONNECT = Duration.millis(2_000)
const SILENCE = Duration.millis(2_000)

/** What connections ask for as they start. To compile a statement, or to start workers for it, takes longer than it may. */
export const STARTUP = {
  jit: "off",
  max_parallel_workers_per_gather: "0",
  statement_timeout: String(Duration.toMillis(STATEMENT)),
  lock_timeout: String(Duration.toMillis(LOCK)),
  // Who was cut off in the middle of a change must not keep its locks.
  idle_in_transaction_session_timeout: String(Duration.toMillis(SILENCE))
}

/** How long a connection that only listens is silent before TCP asks whether its other end is there, in milliseconds. */
const KEEP_ALIVE = 5_000

/** Statements under way on one connection of those that reads share. */
const PIPELINED = 32

/** Operations that wait for a connection, of each kind; more are refused at once. */
const WAITING = 2_000

/**
 * The server's time in whole milliseconds, as columns keep it: what is stored as now is never in the future. It is that
 * of the statement, since one that follows a wait for a lock comes after what it waited for.
 */
export const serverTime = (sql: PgClient.PgClient): Effect.Effect<Fragment> =>
  Effect.succeed(sql.literal("date_trunc('milliseconds', statement_timestamp())"))

export interface PostgresOptions {
  readonly url: Redacted.Redacted
  /** Connections that reads share; 2 unless told. */
  readonly readConnections?: number
  /** Connections for scans; 2 unless told. */
  readonly scanConnections?: number
  /** Connections for writes; 16 unless told. */
  readonly writeConnections?: number
}
