import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Database } from "../../src/layers/postgres/Database.ts"
import { Analytics } from "../../src/services/Analytics.ts"
import { Executions } from "../../src/services/Executions.ts"
import { Rollups } from "../../src/services/Rollups.ts"
import { RollupStore } from "../../src/services/RollupStore.ts"
import { newName, OTHER_PROJECT, PROJECT } from "../support/ledger.ts"
import { pass, request, serviceLayer, until, upsert } from "../support/service.ts"

const echo = { model: { provider: "echo", model_name: "echo" } } as const

const ran = Effect.gen(function* () {
  const name = newName()
  yield* upsert(name, "Hello {{ name }}")
  yield* Executions.use(({ run }) => run(PROJECT, "full", request(name, echo)))
  return name
})

const pending = Effect.gen(function* () {
  const { read: sql } = yield* Database
  const [row] = yield* sql<{ readonly count: number }>`SELECT count(*)::int FROM execution_rollups_pending`
  return row!.count
})

layer(serviceLayer, { timeout: "60 seconds" })("Rollups", (it) => {
  it.effect("are folded by a worker, and tell the same before and after", () =>
    Effect.gen(function* () {
      const analytics = yield* Analytics
      yield* pass(5)
      const name = yield* ran
      const figures = analytics.prompts(PROJECT, { prompt_name: name })
      const before = yield* figures
      assert.strictEqual(before.summary.total_executions, 1)
      assert.isAbove(yield* pending, 0)
      yield* pass(5)
      yield* until(Effect.map(pending, (count) => count === 0))
      assert.deepStrictEqual(yield* figures, before)
    })
  )

  it.effect("tell another project nothing", () =>
    Effect.gen(function* () {
      const analytics = yield* Analytics
      const name = yield* ran
      for (const group_by of ["prompt", "version", "model", "environment", "hour", "day"] as const) {
        const { items } = yield* analytics.groups(OTHER_PROJECT, {}, group_by, { limit: 10 })
        assert.deepStrictEqual(items, [])
      }
      const notFound = yield* Effect.flip(analytics.versions(OTHER_PROJECT, name, {}, { limit: 10 }))
      assert.strictEqual(notFound._tag, "PromptNotFound")
    })
  )

  it.effect("are folded until a batch is not full", () =>
    Effect.gen(function* () {
      let ended = 2_500
      const store = Layer.mock(RollupStore, {
        fold: (limit) =>
          Effect.sync(() => {
            const folded = Math.min(limit, ended)
            ended -= folded
            return folded
          })
      })
      const { fold } = yield* Effect.provide(Rollups, Layer.fresh(Rollups.layer).pipe(Layer.provide(store)))
      assert.strictEqual(yield* fold, 2_500)
      assert.strictEqual(yield* fold, 0)
    })
  )
})
