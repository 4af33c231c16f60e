import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Option } from "effect"
import { attemptSucceeded } from "../../src/domain/attempt.ts"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { layerMigrated, migrate } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import { AnalyticsStore } from "../../src/services/AnalyticsStore.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import { Rollups } from "../../src/services/Rollups.ts"
import { RollupStore } from "../../src/services/RollupStore.ts"
import { migrateBefore, newDatabase, storesElsewhere } from "../support/database.ts"
import { factsOf, storedRollups } from "../support/figures.ts"
import { begin as beginOf, change, newExecution, newName, PROJECT, revise } from "../support/ledger.ts"

const LEASE = Duration.seconds(30)
const answered = (latency: number) =>
  attemptSucceeded(
    { text: "x", prompt_tokens: 1, response_tokens: 1, provider_request_id: null },
    Duration.millis(latency)
  )

const services = Rollups.layer.pipe(Layer.provideMerge(layerStores))

/** An execution that runs, and the effect that ends it. */
const begin = Effect.fnUntraced(function* (version: Effect.Success<ReturnType<typeof revise>>) {
  const store = yield* ExecutionStore
  const lease = yield* beginOf(version)
  return (latency: number) => store.finish(lease, answered(latency))
})

/** That what is folded is what a rebuild makes, and the number of executions that are. */
const assertFolded = Effect.fnUntraced(function* (count: number) {
  const rollups = yield* Rollups
  yield* rollups.fold
  const folded = yield* storedRollups
  assert.strictEqual(yield* rollups.rebuild, count)
  assert.deepStrictEqual(yield* storedRollups, folded)
})

describe("rollups over PostgreSQL", () => {
  it.live("count each execution once while many fold, others end executions, and one rebuilds", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const process = Layer.fresh(Database.layer({ url, writeConnections: 4 }))
      yield* Effect.gen(function* () {
        yield* migrate
        const version = yield* revise(change(newName(), "x"))
        const ending = Effect.forEach(
          Array.from({ length: 200 }, (_, latency) => latency),
          (latency) => Effect.flatMap(begin(version), (end) => end(latency)),
          { concurrency: 8 }
        )
        const folding = Effect.repeat(
          RollupStore.use((store) => store.fold(7)),
          { times: 60 }
        )
        const elsewhere = Effect.provide(folding, Layer.fresh(layerStores.pipe(Layer.provide(process))))
        yield* Effect.all([ending, folding, elsewhere, Rollups.use(({ rebuild }) => rebuild)], {
          concurrency: "unbounded"
        })
        yield* assertFolded(200)
      }).pipe(Effect.provide(services.pipe(Layer.provideMerge(process))))
    })
  )

  it.live("count more executions of a version than four bytes hold", () =>
    Effect.gen(function* () {
      const { write } = yield* Database
      const { history } = yield* PromptStore
      const version = yield* revise(change(newName(), "x"))
      const end = yield* begin(version)
      yield* end(1)
      yield* Rollups.use(({ fold }) => fold)
      yield* write`UPDATE execution_rollups SET executions = 3000000000`
      const [counted] = yield* history(version.prompt.prompt_id, { limit: 1 })
      assert.strictEqual(counted!.execution_count, 3_000_000_000)
    }).pipe(Effect.provide(services.pipe(Layer.provideMerge(layerMigrated(DatabasePglite.layerMemory)))))
  )

  it.live("miss no execution whose transaction commits after others that ended later", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      yield* Effect.gen(function* () {
        yield* migrate
        const version = yield* revise(change(newName(), "x"))
        const { insert, cancel } = yield* ExecutionStore
        const early = yield* newExecution(version)
        yield* insert(early, LEASE)
        const { write } = yield* Database
        const elsewhere = storesElsewhere(url)
        const fold = RollupStore.use((store) => store.fold(10))
        // A cancel, since attempts that end share a statement, and with it a transaction.
        yield* cancel(PROJECT, early.execution_id).pipe(
          Effect.andThen(
            Effect.gen(function* () {
              const endLater = yield* begin(version)
              yield* endLater(2)
              assert.deepStrictEqual(yield* fold, Option.some(1))
            }).pipe(Effect.provide(elsewhere))
          ),
          write.withTransaction
        )
        assert.deepStrictEqual(yield* fold, Option.some(1))
        yield* assertFolded(2)
      }).pipe(Effect.provide(services.pipe(Layer.provideMerge(Database.layer({ url })))))
    })
  )
})

describe("folding over PostgreSQL", () => {
  it.live("is another's while that folds, and all of it where it waits for its turn", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      yield* Effect.gen(function* () {
        yield* migrate
        const version = yield* revise(change(newName(), "x"))
        for (const latency of [1, 2]) yield* Effect.flatMap(begin(version), (end) => end(latency))
        const { write } = yield* Database
        const elsewhere = yield* Layer.build(
          Layer.fresh(services.pipe(Layer.provide(Layer.fresh(Database.layer({ url })))))
        )
        const foldOne = RollupStore.use((store) => store.fold(1))
        const waiting = yield* foldOne.pipe(
          Effect.andThen(
            Effect.gen(function* () {
              assert.isTrue(Option.isNone(yield* foldOne))
              const { fold, foldAll } = yield* Rollups
              assert.strictEqual(yield* fold, 0)
              return yield* Effect.forkDetach(foldAll, { startImmediately: true })
            }).pipe(Effect.provide(elsewhere))
          ),
          Effect.tap(() => Effect.sleep("300 millis")),
          write.withTransaction
        )
        assert.strictEqual(yield* Fiber.join(waiting), 1)
        yield* assertFolded(2)
      }).pipe(Effect.provide(services.pipe(Layer.provideMerge(Database.layer({ url })))))
    })
  )
})

describe("the migration to rollups", () => {
  it.live("takes up the executions that are there", () =>
    Effect.gen(function* () {
      const { write } = yield* Database
      yield* migrateBefore("0002_rollups")
      const version = yield* revise(change(newName(), "x"))
      for (let count = 0; count < 2; count++) yield* begin(version)
      // What ends executions now says more of them than this ledger has columns for.
      yield* write`
        UPDATE executions SET status = 'failed', lease_expires_at = NULL, completed_at = now(), latency_ms = 40
        WHERE execution_id = (SELECT execution_id FROM executions LIMIT 1)`
      assert.include(
        (yield* migrate).map(([, name]) => name),
        "rollups"
      )
      const history = PromptStore.use((store) => store.history(version.prompt.prompt_id, { limit: 9 }))
      assert.strictEqual((yield* history)[0]!.execution_count, 2)
      yield* assertFolded(1)
      assert.strictEqual((yield* history)[0]!.execution_count, 2)
      assert.lengthOf(yield* factsOf([version.prompt.name]), 2)
    }).pipe(Effect.provide(services.pipe(Layer.provideMerge(DatabasePglite.layerMemory))))
  )
})

describe("the migration to weeks", () => {
  it.live("adds up the days that are there, and keeps those from folding who know of no weeks", () =>
    Effect.gen(function* () {
      const { write: sql } = yield* Database
      yield* migrateBefore("0006_weeks")
      const days = { "2026-01-04": 1, "2026-01-05": 2, "2026-01-11": 4, "2026-01-12": 8 }
      for (const environment of ["dev", "prod"]) {
        for (const [day, count] of Object.entries(days)) {
          yield* sql`
            INSERT INTO execution_rollups VALUES (
              ${PROJECT}, 'full', NULL, NULL, ${PROJECT}, ${environment}, 'day', ${`${day}T00:00:00Z`}, 'succeeded', NULL,
              ${count}, 0, 0, 0, 0, ${count})`
        }
      }
      yield* migrate
      const weeks = yield* sql<{ readonly week: string }>`
        SELECT concat_ws(' ', environment, (period AT TIME ZONE 'UTC')::date, executions, latencies) AS week
        FROM execution_rollups WHERE grain = 'week' ORDER BY environment, period`
      assert.deepStrictEqual(
        weeks.map(({ week }) => week),
        ["dev", "prod"].flatMap((environment) => [
          `${environment} 2025-12-29 1 1`,
          `${environment} 2026-01-05 6 6`,
          `${environment} 2026-01-12 8 8`
        ])
      )
      const older = yield* Effect.flip(sql`SELECT 'hour'::rollup_grain`)
      assert.include(String(older.reason.cause), `type "rollup_grain" does not exist`)
    }).pipe(Effect.provide(DatabasePglite.layerMemory))
  )
})

describe("the migration to sketches that are numbers", () => {
  it.live("keeps what was counted", () =>
    Effect.gen(function* () {
      const { write } = yield* Database
      yield* migrateBefore("0005_latencies")
      const version = yield* revise(change(newName(), "x"))
      const model = yield* ExecutionStore.use((store) =>
        store.model({ provider: "echo", model_name: "echo" })
      )
      const sketches: Record<string, readonly [string, string]> = {
        none: ["{}", "{}"],
        some: ["{-1,0,55,1074}", "{2,1,300,999999999999}"]
      }
      for (const [environment, [buckets, counts]] of Object.entries(sketches)) {
        yield* write`
          INSERT INTO execution_rollups VALUES (
            ${PROJECT}, 'full', ${version.prompt.prompt_id}, ${version.version.version_id}, ${model.model_id}, ${environment},
            'ever', '-infinity', 'succeeded', NULL, 9, 0, 0, 0, 0, ${buckets}::text::smallint[], ${counts}::text::bigint[])`
      }
      yield* migrate
      const groups = yield* AnalyticsStore.use((store) =>
        store.groups(PROJECT, { prompt_name: version.prompt.name }, "environment", { limit: 9 })
      )
      assert.deepStrictEqual(
        groups.map(({ latencies }) => latencies),
        [
          { buckets: [], counts: [] },
          { buckets: [-1, 0, 55, 1074], counts: [2, 1, 300, 999_999_999_999] }
        ]
      )
    }).pipe(Effect.provide(services.pipe(Layer.provideMerge(DatabasePglite.layerMemory))))
  )
})
