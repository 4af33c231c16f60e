import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Logger } from "effect"
import { attemptNotMade } from "../../src/domain/attempt.ts"
import type { ExecutionFilter } from "../../src/domain/requests.ts"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { migrate, migrations } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { migrateBefore, newDatabase, newDatabaseWith } from "../support/database.ts"
import { begin, change, newName, PROJECT, revise } from "../support/ledger.ts"

const databases = {
  PGlite: DatabasePglite.layerMemory,
  PostgreSQL: Layer.unwrap(Effect.map(newDatabase, (url) => Database.layer({ url })))
}

const TABLES = [
  "api_keys",
  "execution_attempts",
  "execution_inputs",
  "execution_rollups",
  "execution_rollups_dropped",
  "execution_rollups_pending",
  "executions",
  "models",
  "projects",
  "prompt_versions",
  "prompts"
]

/** Design section 4, and what is due. */
const INDEXES = {
  idx_exec_prompt_time: "(prompt_id, created_at DESC)",
  idx_exec_version_time: "(version_id, created_at DESC)",
  idx_exec_status_time: "(status, created_at DESC)",
  idx_exec_corr: "(correlation_id)",
  idx_exec_next_attempt: "(next_attempt_at) WHERE (next_attempt_at IS NOT NULL)"
}

describe("a database", () => {
  it.live("of an encoding that not every text has is left alone", () =>
    Effect.gen(function* () {
      const url = yield* newDatabaseWith("ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
      const database = yield* Layer.build(Database.layer({ url }))
      const error = yield* Effect.flip(Effect.provide(migrate, database))
      assert.strictEqual(
        error.message,
        "The database's encoding is LATIN1, in which not every text can be stored. Make one with ENCODING 'UTF8'."
      )
      const { write: sql } = Context.get(database, Database)
      assert.isEmpty(yield* sql`SELECT FROM pg_tables WHERE schemaname = 'public'`)
    })
  )
})

describe.each(Object.entries(databases))("migrations over %s", (_, database) => {
  it.live(
    "make an empty database what the design says, tell what they do, and do nothing the second time",
    () =>
      Effect.gen(function* () {
        const { write: sql } = yield* Database
        const said: Array<string> = []
        const logger = Logger.make(({ message }) => void said.push(String(message)))
        const done = yield* migrate.pipe(Effect.provide(Logger.layer([logger])))
        assert.deepStrictEqual(
          done.map(([id, name]) => `${String(id).padStart(4, "0")}_${name}`),
          Object.keys(migrations)
        )
        assert.deepStrictEqual(
          said,
          done.map(([id, name]) => `migrated the database: ${id} ${name}`)
        )

        const tables = yield* sql<{ name: string }>`
        SELECT table_name AS name FROM information_schema.tables
        WHERE table_schema = 'public' AND table_name NOT LIKE 'effect%' ORDER BY 1`
        assert.deepStrictEqual(
          tables.map(({ name }) => name),
          TABLES
        )
        for (const [name, columns] of Object.entries(INDEXES)) {
          const [index] = yield* sql<{
            indexdef: string
          }>`SELECT indexdef FROM pg_indexes WHERE indexname = ${name}`
          assert.include(index?.indexdef, `ON public.executions USING btree ${columns}`)
        }
        const enums = yield* sql<{ name: string; labels: string }>`
        SELECT t.typname AS name, string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) AS labels
        FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid GROUP BY 1`
        assert.deepInclude(Object.fromEntries(enums.map(({ name, labels }) => [name, labels])), {
          prompt_mode: "full,tracking",
          prompt_version_status: "draft,active,deprecated",
          execution_mode: "sync,async",
          execution_status: "queued,running,succeeded,failed,canceled",
          provider_name: "openai,echo"
        })

        assert.deepStrictEqual(yield* migrate, [])
      }).pipe(Effect.provide(database))
  )
})

describe.each(Object.entries(databases))("the migration to indexes for lists over %s", (_, database) => {
  it.live("finds what was there before it", () =>
    Effect.gen(function* () {
      yield* migrateBefore("0007_lists")
      const store = yield* ExecutionStore
      const name = newName()
      const version = yield* revise(change(name, "x"))
      const begun = yield* Effect.replicateEffect(begin(version), 3)
      yield* store.finish(begun[0]!, attemptNotMade("worker_lost", "x"))
      yield* store.cancel(PROJECT, begun[1]!.execution_id)
      yield* migrate
      const found = Effect.fnUntraced(function* (filter: ExecutionFilter) {
        const rows = yield* store.list(PROJECT, { prompt_name: name, ...filter }, { limit: 9 })
        return rows.map(({ execution_id }) => execution_id)
      })
      assert.deepStrictEqual(yield* found({ status: "failed" }), [begun[0]!.execution_id])
      assert.deepStrictEqual(yield* found({ status: "canceled" }), [begun[1]!.execution_id])
      assert.deepStrictEqual(yield* found({ status: "running" }), [begun[2]!.execution_id])
      assert.lengthOf(yield* found({ environment: "dev" }), 3)
    }).pipe(Effect.provide(layerStores.pipe(Layer.provideMerge(database))))
  )
})

describe("migrations", () => {
  it.live("are done once by many processes that start at the same time", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const start = Effect.provide(migrate, Layer.fresh(Database.layer({ url })))
      const done = yield* Effect.all(
        Array.from({ length: 6 }, () => start),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(
        done.filter((migrated) => migrated.length > 0),
        1
      )
    })
  )

  it.live("leave a ledger in which versions stay as they are", () =>
    Effect.gen(function* () {
      const { write: sql } = yield* Database
      yield* migrate
      const prompt_id = crypto.randomUUID()
      yield* sql`
        INSERT INTO prompts (prompt_id, project_id, name, mode)
        SELECT ${prompt_id}, project_id, 'p', 'full' FROM projects`
      yield* sql`
        INSERT INTO prompt_versions (version_id, prompt_id, version_number, status, template_source, checksum_hash)
        VALUES (${crypto.randomUUID()}, ${prompt_id}, 1, 'draft', 'x', repeat('0', 64))`
      const refused = (statement: string) =>
        Effect.map(Effect.flip(sql.unsafe(statement)), ({ reason }) => String(reason.cause))
      for (const assignment of [
        "version_number = 2",
        "template_source = 'y'",
        "checksum_hash = repeat('1', 64)",
        "created_by = 'eve'",
        "created_at = now() + interval '1 hour'"
      ]) {
        assert.include(
          yield* refused(`UPDATE prompt_versions SET ${assignment}`),
          "a prompt version never changes"
        )
      }
      yield* sql`UPDATE prompt_versions SET status = 'active'`
    }).pipe(Effect.provide(DatabasePglite.layerMemory))
  )
})
