import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, Layer, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { Migrator, SqlClient } from "effect/sql"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inject } from "vitest"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { layerMigrated, migrations } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"

/** Runs a statement on the server that the tests were given. */
const onServer = (statement: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const sql = yield* PgClient.make({ url: Redacted.make(inject("databaseUrl")), maxConnections: 1 })
      yield* sql.unsafe(statement)
    })
  ).pipe(Effect.provide(Reactivity.layer), Effect.orDie)

/** The URL of a new, empty database on the real server; dropped when the scope closes. */
export const newDatabaseWith = Effect.fnUntraced(function* (options: string) {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`
  yield* Effect.acquireRelease(onServer(`CREATE DATABASE ${name} ${options}`), () =>
    onServer(`DROP DATABASE ${name} WITH (FORCE)`)
  )
  const url = new URL(inject("databaseUrl"))
  url.pathname = `/${name}`
  return Redacted.make(url.href)
})

export const newDatabase = newDatabaseWith("")

/** The stores of another process on a database. */
export const storesElsewhere = (url: Redacted.Redacted) =>
  Layer.fresh(layerStores.pipe(Layer.provide(Layer.fresh(Database.layer({ url })))))

/** A new folder; removed when the scope closes. */
export const newFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "promptledger-test-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** Moves the database's clock forward, for what waits by it. */
export class DatabaseClock extends Context.Service<
  DatabaseClock,
  { readonly advance: (duration: Duration.Input) => Effect.Effect<void> }
>()("test/DatabaseClock") {}

/** The database with a clock that a test can move. */
const movable = <E, R>(database: Layer.Layer<Database, E, R>) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const real = yield* Database
      let ahead = 0
      const now = Effect.map(real.now, (time) => real.write`(${time} + ${ahead} * interval '1 millisecond')`)
      const advance = (duration: Duration.Input) =>
        Effect.sync(() => {
          ahead += Duration.toMillis(duration)
        })
      return Context.make(Database, { ...real, now }).pipe(Context.add(DatabaseClock, { advance }))
    })
  ).pipe(Layer.provide(database))

/** Every database that the service runs on, each migrated and with a clock to move. */
export const databases = {
  "PGlite in memory": movable(layerMigrated(DatabasePglite.layerMemory)),
  "PGlite on disk": movable(
    layerMigrated(Layer.unwrap(Effect.map(newFolder, (dataDir) => DatabasePglite.layer({ dataDir }))))
  ),
  "a PostgreSQL server": movable(
    layerMigrated(Layer.unwrap(Effect.map(newDatabase, (url) => Database.layer({ url }))))
  )
}

/** Migrates only up to a migration, which is not run. */
export const migrateBefore = Effect.fnUntraced(function* (name: keyof typeof migrations) {
  const { migrating } = yield* Database
  const before = Object.entries(migrations).filter(([other]) => other < name)
  yield* Migrator.make({})({ loader: Migrator.fromRecord(Object.fromEntries(before)) }).pipe(
    Effect.provideServiceEffect(SqlClient.SqlClient, migrating),
    Effect.scoped
  )
})
