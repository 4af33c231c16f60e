import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Layer, Option } from "effect"
import { attemptSucceeded } from "../../src/domain/attempt.ts"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { migrate } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { Rollups } from "../../src/services/Rollups.ts"
import { RetentionStore } from "../../src/services/RetentionStore.ts"
import { RollupStore } from "../../src/services/RollupStore.ts"
import { migrateBefore, newDatabase, storesElsewhere } from "../support/database.ts"
import { storedRollups } from "../support/figures.ts"
import { begin, change, newName, PROJECT, revise } from "../support/ledger.ts"

const answered = (latency: number) =>
  attemptSucceeded(
    { text: "x", prompt_tokens: 1, response_tokens: 1, provider_request_id: null },
    Duration.millis(latency)
  )

const services = Rollups.layer.pipe(Layer.provideMerge(layerStores))

const run = (version: Effect.Success<ReturnType<typeof revise>>, latency: number) =>
  Effect.flatMap(begin(version), (lease) =>
    ExecutionStore.use((store) => store.finish(lease, answered(latency)))
  )

const countOf = (table: string) =>
  Database.use(({ write: sql }) =>
    Effect.map(
      sql<{ readonly count: number }>`SELECT count(*)::int FROM ${sql(table)}`,
      ([row]) => row!.count
    )
  )

describe("retention over PostgreSQL", () => {
  it.live(
    "counts each execution once while many drop and fold, others end executions, and one rebuilds",
    () =>
      Effect.gen(function* () {
        const url = yield* newDatabase
        const process = Layer.fresh(Database.layer({ url, writeConnections: 4 }))
        yield* Effect.gen(function* () {
          yield* migrate
          const version = yield* revise(change(newName(), "x"))
          const ended = yield* Deferred.make<void>()
          const ending = Effect.forEach(
            Array.from({ length: 200 }, (_, latency) => latency),
            (latency) => run(version, latency),
            { concurrency: 8 }
          ).pipe(Effect.tap(() => Deferred.succeed(ended, undefined)))
          const keeping = Effect.gen(function* () {
            const rollups = yield* RollupStore
            const retention = yield* RetentionStore
            for (let round = 0; round < 60 || !(yield* Deferred.isDone(ended)); round++) {
              yield* rollups.fold(7)
              yield* retention.dropBodies(Duration.zero, 5)
              yield* retention.dropExecutions(Duration.zero, 5)
            }
          })
          const elsewhere = Effect.provide(keeping, Layer.fresh(layerStores.pipe(Layer.provide(process))))
          const { fold, rebuild } = yield* Rollups
          yield* Effect.all([ending, keeping, elsewhere, rebuild], { concurrency: "unbounded" })
          const left = yield* countOf("executions")
          assert.isBelow(left, 200)
          yield* fold
          const folded = yield* storedRollups
          assert.strictEqual(yield* rebuild, 200)
          assert.deepStrictEqual(yield* storedRollups, folded)
          yield* RetentionStore.use((store) => store.dropExecutions(Duration.zero, 200))
          assert.strictEqual(yield* countOf("executions"), 0)
          assert.strictEqual(yield* rebuild, 200)
          assert.deepStrictEqual(yield* storedRollups, folded)
        }).pipe(Effect.provide(services.pipe(Layer.provideMerge(process))))
      })
  )

  it.live("drops nothing while another process does, and passes over what another has locked", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      yield* Effect.gen(function* () {
        yield* migrate
        const version = yield* revise(change(newName(), "x"))
        for (const latency of [1, 2]) yield* run(version, latency)
        yield* Rollups.use(({ fold }) => fold)
        const { write } = yield* Database
        const { dropBodies, dropExecutions } = yield* RetentionStore
        const others = storesElsewhere(url)
        const elsewhere = <A>(use: (store: RetentionStore["Service"]) => Effect.Effect<A>) =>
          Effect.provide(RetentionStore.use(use), others)
        yield* dropBodies(Duration.zero, 1).pipe(
          Effect.andThen(
            Effect.gen(function* () {
              assert.isTrue(Option.isNone(yield* elsewhere((store) => store.dropBodies(Duration.zero, 9))))
              assert.isTrue(
                Option.isNone(yield* elsewhere((store) => store.dropExecutions(Duration.zero, 9)))
              )
            })
          ),
          write.withTransaction
        )
        yield* write`SELECT FROM executions ORDER BY completed_at LIMIT 1 FOR UPDATE`.pipe(
          Effect.andThen(
            Effect.gen(function* () {
              const dropped = yield* elsewhere((store) => store.dropExecutions(Duration.zero, 9))
              assert.deepStrictEqual(dropped, Option.some(1))
            })
          ),
          write.withTransaction
        )
        assert.deepStrictEqual(yield* dropExecutions(Duration.zero, 9), Option.some(1))
      }).pipe(Effect.provide(services.pipe(Layer.provideMerge(Database.layer({ url })))))
    })
  )
})

const databases = {
  PGlite: DatabasePglite.layerMemory,
  PostgreSQL: Layer.unwrap(Effect.map(newDatabase, (url) => Database.layer({ url })))
}

describe.each(Object.entries(databases))("the migration to retention over %s", (_, database) => {
  it.live("lets the executions that are there be dropped, and counts none of them again", () =>
    Effect.gen(function* () {
      const { write: sql } = yield* Database
      yield* migrateBefore("0003_due")
      const version = yield* revise(change(newName(), "x"))
      // What ends executions now says more of them than this ledger has columns for. Long enough ago to be dropped at once.
      const end = sql`
        UPDATE executions SET status = 'succeeded', lease_expires_at = NULL, completed_at = now() - interval '1 second',
          response_text = 'x', prompt_tokens = 1, latency_ms = 12 WHERE status = 'running'`
      for (let count = 0; count < 3; count++) yield* begin(version)
      yield* end
      assert.include(
        (yield* migrate).map(([, name]) => name),
        "retention"
      )
      const { fold } = yield* Rollups
      const store = yield* RetentionStore
      yield* fold
      const folded = yield* storedRollups
      yield* begin(version)
      yield* end

      assert.deepStrictEqual(yield* store.dropBodies(Duration.zero, 9), Option.some(4))
      assert.strictEqual(yield* countOf("execution_inputs"), 0)
      assert.strictEqual(yield* countOf("execution_rollups_pending"), 1)
      assert.deepStrictEqual(yield* storedRollups, folded)
      assert.deepStrictEqual(yield* store.dropExecutions(Duration.zero, 9), Option.some(3))
      yield* fold
      const all = yield* storedRollups
      assert.deepStrictEqual(yield* store.dropExecutions(Duration.zero, 9), Option.some(1))
      yield* RollupStore.use(({ rebuild }) => rebuild(PROJECT))
      assert.deepStrictEqual(yield* storedRollups, all)
      const [kept] = yield* sql<{ readonly executions: number; readonly tokens: number }>`
        SELECT sum(executions)::int AS executions, sum(prompt_tokens)::int AS tokens FROM execution_rollups_dropped`
      assert.deepStrictEqual(kept, { executions: 4, tokens: 4 })
    }).pipe(Effect.provide(services.pipe(Layer.provideMerge(database))))
  )
})
