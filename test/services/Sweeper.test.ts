import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import { layerMigrated } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import { ExecutionQueue } from "../../src/services/ExecutionQueue.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { defaultSettings, Settings } from "../../src/services/Settings.ts"
import { Sweeper } from "../../src/services/Sweeper.ts"
import { change, newExecution, newName, revise } from "../support/ledger.ts"
import { logged } from "../support/logged.ts"

const queue = Layer.succeed(ExecutionQueue, {
  enqueue: () => Effect.void,
  consume: () => Effect.void,
  ping: Effect.void
})

const service = Sweeper.layer.pipe(
  Layer.provideMerge(layerStores),
  Layer.provide(layerMigrated(DatabasePglite.layerMemory)),
  Layer.provide([queue, Layer.succeed(Settings, defaultSettings)])
)

layer(service, { timeout: "60 seconds" })("Sweeper", (it) => {
  it.effect("logs the end of each execution that it fails, and of no other", () =>
    Effect.gen(function* () {
      const store = yield* ExecutionStore
      const version = yield* revise(change(newName(), "x"))
      const [again, ended] = [yield* newExecution(version), yield* newExecution(version, { mode: "sync" })]
      for (const execution of [again, ended]) yield* store.insert(execution, Duration.seconds(30))
      yield* store.claim({ execution_id: again.execution_id, epoch: 0 }, Duration.seconds(30))
      yield* TestClock.adjust("31 seconds")
      yield* Sweeper.use(({ sweep }) => sweep)
      yield* TestClock.adjust("3 seconds")
      const { value, lines } = yield* logged(Sweeper.use(({ sweep }) => sweep))
      assert.strictEqual(value.recovered, 2)
      assert.deepStrictEqual(
        lines.map(({ message }) => message),
        ["execution finished"]
      )
      assert.deepInclude(lines[0].annotations, {
        execution_id: ended.execution_id,
        status: "failed",
        provider: "echo",
        error_type: "worker_lost"
      })
    })
  )

  it.effect(
    "recovers once the database has answered for three seconds, after its start and after an outage",
    () => {
      let away = false
      let looks = 0
      const store = Layer.mock(ExecutionStore, {
        recover: () => Effect.sync(() => (looks++, [])),
        due: () => (away ? Effect.die("away") : Effect.succeed([]))
      })
      return Effect.gen(function* () {
        const { sweep } = yield* Sweeper
        const looksAfter = Effect.fnUntraced(function* (seconds: number) {
          yield* TestClock.adjust(Duration.seconds(seconds))
          yield* Effect.exit(sweep)
          return looks
        })
        assert.deepStrictEqual([yield* looksAfter(0), yield* looksAfter(2), yield* looksAfter(1)], [0, 0, 1])
        assert.strictEqual(yield* looksAfter(0), 2)
        away = true
        assert.strictEqual(yield* looksAfter(9), 3)
        assert.strictEqual(yield* looksAfter(9), 3)
        away = false
        assert.deepStrictEqual([yield* looksAfter(9), yield* looksAfter(2), yield* looksAfter(1)], [3, 3, 4])
      }).pipe(Effect.provide(Layer.fresh(Sweeper.layer.pipe(Layer.provide([store, queue])))))
    }
  )
})
