import { PGlite } from "@electric-sql/pglite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Scope } from "effect"
import type { SqlClient } from "effect/sql"
import { TestClock } from "effect/testing"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { DEFAULT_PROJECT_ID } from "../../src/domain/Ids.ts"
import { whyNotOpened } from "../../src/layers/pglite/cluster.ts"
import { DataDirUnavailable, lockDataDir } from "../../src/layers/pglite/dataDirLock.ts"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import { protocolStream } from "../../src/layers/pglite/protocolStream.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Health } from "../../src/services/Health.ts"
import { Prompts } from "../../src/services/Prompts.ts"
import { newFolder } from "../support/database.ts"

/** PGlite as it comes, in memory; closed with the scope. */
const newPglite = Effect.acquireRelease(
  Effect.promise(() => PGlite.create("memory://")),
  (server) => Effect.promise(() => server.close())
)

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

describe("the lock of a data folder", () => {
  it.effect("lets one holder in, names it to the next, and is gone with it", () =>
    Effect.gen(function* () {
      const folder = join(yield* newFolder, "made", "on", "demand")
      const holder = yield* Scope.make()
      yield* Scope.provide(lockDataDir(folder), holder)
      assert.strictEqual(readFileSync(join(folder, "lock.pid"), "utf8"), String(process.pid))
      const error = yield* Effect.flip(lockDataDir(folder))
      assert.instanceOf(error, DataDirUnavailable)
      assert.strictEqual(
        error.message,
        `${folder} cannot be opened: process ${process.pid} has it. Stop that process, or set DATA_DIR to another folder.`
      )
      yield* Scope.close(holder, Exit.void)
      yield* lockDataDir(folder)
    })
  )

  it.effect("says why a folder can't be used at all", () =>
    Effect.gen(function* () {
      const file = join(yield* newFolder, "file")
      writeFileSync(file, "")
      const { message } = yield* Effect.flip(lockDataDir(join(file, "inside")))
      assert.match(message, /cannot be opened: .*ENOTDIR/)
    })
  )
})

/** What a cluster is made with, and its configuration says; but for its time zone, which goes by another name of UTC. */
const SETTINGS = `
  SELECT name, setting FROM pg_settings
  WHERE name LIKE 'lc\\_%' OR name IN ('server_version', 'server_encoding', 'data_checksums', 'block_size')
    OR source = 'configuration file' AND name NOT IN ('TimeZone', 'log_timezone')
  ORDER BY name`

describe("a data folder", () => {
  it("without space on its disk is told as such, though its file system has a number for it alone", () => {
    const says = (errno: number) => whyNotOpened({ name: "ErrnoError", errno })
    assert.strictEqual(says(51), "its disk has no space left")
    assert.include(says(2), "errno: 2")
    assert.strictEqual(whyNotOpened(new Error("it is no cluster")), "it is no cluster")
  })

  it.live("with a cluster that can't be started is named", () =>
    Effect.gen(function* () {
      const dataDir = yield* newFolder
      mkdirSync(join(dataDir, "postgres"))
      writeFileSync(join(dataDir, "postgres", "PG_VERSION"), "x")
      const error = yield* Effect.flip(Effect.scoped(Layer.build(DatabasePglite.layer({ dataDir }))))
      assert.instanceOf(error, DataDirUnavailable)
      assert.match(error.message, new RegExp(`^${dataDir} cannot be opened: PGlite .+$`))
    })
  )

  /** Opens the folder, does something with its database, and closes it. */
  const open = <A, E>(dataDir: string, work: (sql: SqlClient.SqlClient) => Effect.Effect<A, E>) =>
    Database.use(({ write }) => work(write)).pipe(
      Effect.provide(Layer.fresh(DatabasePglite.layer({ dataDir })))
    )

  it.live(
    "keeps what was written, and begins as a cluster with every setting that PGlite makes one with",
    () =>
      Effect.gen(function* () {
        const folder = yield* newFolder
        yield* open(folder, (sql) => sql`CREATE TABLE kept AS SELECT 1 AS one`)
        assert.deepStrictEqual(yield* open(folder, (sql) => sql`SELECT one FROM kept`), [{ one: 1 }])

        const made = yield* newPglite
        const { rows } = yield* Effect.promise(() => made.query<object>(SETTINGS))
        assert.deepStrictEqual(yield* open(folder, (sql) => sql.unsafe<object>(SETTINGS)), rows)
      })
  )

  it.effect("is vacuumed as a server's is: a table of which enough is dead, and no other", () =>
    Effect.gen(function* () {
      const folder = yield* newFolder
      const sizes = yield* open(
        folder,
        Effect.fnUntraced(function* (sql) {
          const of = sql<{ name: string; bytes: number }>`
            SELECT relname AS name, pg_relation_size(oid)::int AS bytes FROM pg_class
            WHERE relname IN ('emptied', 'kept') ORDER BY relname`
          for (const name of ["emptied", "kept"]) {
            yield* sql.unsafe(`CREATE TABLE ${name} AS SELECT repeat('a', 500) FROM generate_series(1, 1000)`)
          }
          yield* sql`DELETE FROM emptied`
          yield* sql`DELETE FROM kept WHERE ctid IN (SELECT ctid FROM kept OFFSET 960)`
          yield* sql`SELECT pg_stat_force_next_flush()`
          const before = yield* of
          yield* TestClock.adjust("10 seconds")
          const after = yield* Effect.repeat(of, { until: ([emptied]) => emptied!.bytes === 0, times: 500 })
          return { before, after }
        })
      )
      assert.isAbove(sizes.before[0]!.bytes, 500_000)
      assert.strictEqual(sizes.after[0]!.bytes, 0)
      assert.deepStrictEqual(sizes.after[1], sizes.before[1])
    })
  )

  it.effect("has a checkpoint when much was logged since the last one, and none before", () =>
    Effect.gen(function* () {
      yield* open(
        yield* newFolder,
        Effect.fnUntraced(function* (sql) {
          const log = (megabytes: number) => sql`
            SELECT count(pg_logical_emit_message(false, 'test', repeat('a', 1000000)))
            FROM generate_series(1, ${megabytes})`
          const sinceCheckpoint = Effect.map(
            sql<{ megabytes: number }>`
              SELECT (pg_current_wal_insert_lsn() - redo_lsn)::float8 / 1e6 AS megabytes FROM pg_control_checkpoint()`,
            ([row]) => row!.megabytes
          )
          yield* log(20)
          yield* TestClock.adjust("10 seconds")
          assert.isAbove(yield* Effect.repeat(sinceCheckpoint, { times: 20 }), 20)
          yield* log(120)
          yield* TestClock.adjust("10 seconds")
          const left = yield* Effect.repeat(sinceCheckpoint, { until: (much) => much < 1, times: 500 })
          assert.isBelow(left, 1)
        })
      )
    })
  )

  it.live("is begun again when its first start was cut off", () =>
    Effect.gen(function* () {
      const folder = yield* newFolder
      mkdirSync(join(folder, "postgres", "base"), { recursive: true })
      writeFileSync(join(folder, "postgres", "PG_VERSION"), "18")
      writeFileSync(join(folder, "postgres.unfinished"), "")
      assert.deepStrictEqual(yield* open(folder, (sql) => sql`SELECT 1 AS one`), [{ one: 1 }])
      assert.isFalse(existsSync(join(folder, "postgres.unfinished")))
    })
  )
})

describe("a ledger without room", () => {
  it.live("is not ready while writes are refused, and answers what reads", () =>
    Effect.gen(function* () {
      const { get, upsert } = yield* Prompts
      const { ready } = yield* Health
      const { write: sql } = yield* Database
      const put = (name: string) => upsert(DEFAULT_PROJECT_ID, name, { template_source: "x" })
      yield* put("one")
      yield* sql`
        CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$`
      yield* sql`CREATE TRIGGER disk_full BEFORE INSERT ON prompts EXECUTE FUNCTION disk_full()`
      assert.strictEqual((yield* ready).status, "ready")
      assert.isTrue(Exit.hasDies(yield* Effect.exit(put("two"))))
      assert.deepStrictEqual((yield* ready).parts, { database: "unavailable", queue: "ok" })
      assert.strictEqual((yield* get(DEFAULT_PROJECT_ID, "one")).prompt.name, "one")
    }).pipe(Effect.provide(PromptLedger.layerMemory()))
  )
})

describe("the protocol stream", () => {
  /** What PostgreSQL's client sends first, and a simple query: each with its length. */
  const startup = (() => {
    const parameters = Buffer.from("user\0postgres\0database\0postgres\0\0")
    const head = Buffer.alloc(8)
    head.writeInt32BE(8 + parameters.length)
    head.writeInt32BE(196_608, 4)
    return Buffer.concat([head, parameters])
  })()
  const query = (text: string) => {
    const body = Buffer.from(`${text}\0`)
    const head = Buffer.alloc(5)
    head.write("Q")
    head.writeInt32BE(4 + body.length, 1)
    return Buffer.concat([head, body])
  }

  const talk = (pieces: ReadonlyArray<Buffer>) =>
    Effect.gen(function* () {
      const pglite = yield* newPglite
      return yield* Effect.callback<string>((resume) => {
        const stream = protocolStream(pglite)
        let answer = ""
        stream.on("data", (data: Buffer) => {
          answer += data.toString("latin1")
        })
        stream.on("end", () => resume(Effect.succeed(answer)))
        for (const piece of pieces) stream.write(piece)
        stream.end()
      })
    })

  it.live("cuts what arrives into whole messages, however it was cut before", () =>
    Effect.gen(function* () {
      const queries = Buffer.concat([query("SELECT 'one' AS a"), query("SELECT 'two' AS b")])
      const bytes = Array.from(Buffer.concat([startup, queries]), (byte) => Buffer.from([byte]))
      const answers = yield* Effect.all([
        talk([startup, queries]),
        talk([startup.subarray(0, 2), startup.subarray(2), queries.subarray(0, 40), queries.subarray(40)]),
        talk(bytes)
      ])
      for (const answer of answers) {
        assert.include(answer, "one")
        assert.include(answer, "two")
      }
    })
  )

  it.live("keeps no answer once it is given", () =>
    Effect.gen(function* () {
      const heap = () => {
        collectGarbage()
        return process.memoryUsage().heapUsed
      }
      const stream = protocolStream(yield* newPglite)
      /** Asks, and waits for the message that the server is ready again, which ends each answer. */
      const ask = (message: Buffer) =>
        Effect.callback<void>((resume) => {
          stream.on("data", (data: Buffer) => {
            if (data.subarray(-6, -1).toString("latin1") !== "Z\0\0\0\x05") return
            stream.removeAllListeners("data")
            resume(Effect.void)
          })
          stream.write(message)
        })
      yield* ask(startup)
      yield* ask(query("SELECT repeat('a', 100_000)"))
      const before = heap()
      yield* Effect.forEach(Array.from({ length: 200 }), () => ask(query("SELECT repeat('a', 100_000)")))
      assert.isBelow(heap() - before, 5_000_000)
    })
  )

  it.live("ends with an error when the server does", () =>
    Effect.gen(function* () {
      const stream = protocolStream({ execProtocolRawStream: () => Promise.reject(new Error("gone")) })
      const error = yield* Effect.callback<Error>((resume) => {
        stream.on("error", (cause) => resume(Effect.succeed(cause)))
        stream.write(startup)
      })
      assert.strictEqual(error.message, "gone")
    })
  )
})
