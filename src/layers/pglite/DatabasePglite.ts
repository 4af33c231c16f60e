import { PgClient } from "@effect/sql-pg"
import type { PGlite } from "@electric-sql/pglite"
import { Clock, Effect, Layer } from "effect"
import * as Reactivity from "effect/reactivity/Reactivity"
import { noNotifier } from "../postgres/notifier.ts"
import { BY_KEY, Database, MESSAGE_BYTES, serverTime } from "../postgres/Database.ts"
import type { Bulkhead } from "../postgres/bulkhead.ts"
import { makeExhaustion } from "../postgres/exhaustion.ts"
import { makeLane } from "../postgres/lane.ts"
import { orDefect } from "../postgres/orDefect.ts"
import { background } from "./background.ts"
import { clusterIn, newCluster, whyNotOpened } from "./cluster.ts"
import { DataDirUnavailable, lockDataDir } from "./dataDirLock.ts"
import { protocolStream } from "./protocolStream.ts"

/** PGlite through the production client: one connection, which reads and writes share. */
const connect = Effect.fnUntraced(function* <E>(open: Effect.Effect<PGlite, E>) {
  const pglite = yield* Effect.acquireRelease(open, (server) => Effect.promise(() => server.close()))
  const client = yield* PgClient.makeClient({
    stream: () => protocolStream(pglite),
    multiplex: true,
    maxMessageSize: MESSAGE_BYTES,
    username: "postgres",
    database: "postgres"
  })
  yield* Effect.forEach(Object.entries(BY_KEY), ([name, value]) => client.unsafe(`SET ${name} = ${value}`))
  return client
})

/** One client for everything. A database in this process is never away, so nothing bounds what it may take. */
const databaseOf = (client: PgClient.PgClient, now: Database["Service"]["now"]) => {
  const { note, exhausted } = makeExhaustion()
  const writing: Bulkhead = (operation) =>
    Effect.tapDefect(orDefect(operation), (defect) => Effect.sync(() => note(defect)))
  return Database.of({
    read: client,
    scan: client,
    write: client,
    reading: orDefect,
    scanning: orDefect,
    writing,
    readingLane: (options) => makeLane({ ...options, through: orDefect }),
    writingLane: (options) => makeLane({ ...options, through: writing }),
    exhausted,
    now,
    notifier: noNotifier,
    migrating: Effect.succeed(client)
  })
}

const openCluster = (dataDir: string) =>
  Effect.tryPromise({
    try: () => clusterIn(dataDir),
    catch: (cause) => new DataDirUnavailable({ dataDir, reason: whyNotOpened(cause) })
  })

/** PostgreSQL in this process, kept in a folder that no other process may have. */
export const layer = (options: { readonly dataDir: string }) =>
  Layer.effect(
    Database,
    Effect.gen(function* () {
      yield* lockDataDir(options.dataDir)
      const client = yield* connect(openCluster(options.dataDir))
      yield* Effect.forkScoped(background(client))
      return databaseOf(client, serverTime(client))
    })
  ).pipe(Layer.provide(Reactivity.layer))

/** PostgreSQL in this process and in memory. Its time is Effect's `Clock`, so that a test's clock moves leases too. */
export const layerMemory = Layer.effect(
  Database,
  Effect.gen(function* () {
    const client = yield* connect(Effect.promise(() => newCluster("memory://")))
    const now = Effect.map(Clock.currentTimeMillis, (millis) => client`${new Date(millis)}::timestamptz`)
    return databaseOf(client, now)
  })
).pipe(Layer.provide(Reactivity.layer))
