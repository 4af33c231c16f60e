import { Effect, Layer } from "effect"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import ledger from "../../../migrations/0001_ledger.ts"
import rollups from "../../../migrations/0002_rollups.ts"
import due from "../../../migrations/0003_due.ts"
import retention from "../../../migrations/0004_retention.ts"
import latencies from "../../../migrations/0005_latencies.ts"
import weeks from "../../../migrations/0006_weeks.ts"
import lists from "../../../migrations/0007_lists.ts"
import { Database } from "./Database.ts"

/** Every migration, by number and name. A new one is added here. */
export const migrations = {
  "0001_ledger": ledger,
  "0002_rollups": rollups,
  "0003_due": due,
  "0004_retention": retention,
  "0005_latencies": latencies,
  "0006_weeks": weeks,
  "0007_lists": lists
}

/** Encodings that have every character, or leave that to us. In others an answer that was paid for could not be written. */
const ENCODINGS: ReadonlySet<string> = new Set(["UTF8", "SQL_ASCII"])

const checkEncoding = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const [row] = yield* sql<{ encoding: string }>`SELECT current_setting('server_encoding') AS encoding`
  const { encoding } = row!
  if (ENCODINGS.has(encoding)) return
  return yield* new Migrator.MigrationError({
    kind: "BadState",
    message: `The database's encoding is ${encoding}, in which not every text can be stored. Make one with ENCODING 'UTF8'.`
  })
})

/** Brings the database up to date. Any number of processes may do so at once: one does the work, the others wait. */
export const migrate = Effect.gen(function* () {
  const { migrating } = yield* Database
  const done = yield* Effect.andThen(
    checkEncoding,
    Migrator.make({})({ loader: Migrator.fromRecord(migrations) })
  ).pipe(Effect.provideServiceEffect(SqlClient.SqlClient, migrating), Effect.scoped)
  for (const [id, name] of done) yield* Effect.logInfo(`migrated the database: ${id} ${name}`)
  return done
})

/** The database that it is given, brought up to date. */
export const layerMigrated = <E, R>(database: Layer.Layer<Database, E, R>) =>
  Layer.effectDiscard(migrate).pipe(Layer.provideMerge(database))
