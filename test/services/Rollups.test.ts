import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { Database } from "../../src/layers/postgres/Database.ts"
import { Analytics } from "../../src/services/Analytics.ts"
import { DatabaseUnavailable } from "../../src/services/DatabaseUnavailable.ts"
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

  it.effect("are rebuilt in every project, however many there are", () =>
    Effect.gen(function* () {
      const { write } = yield* Database
      yield* write`
        INSERT INTO projects (project_id, name) SELECT gen_random_uuid(), 'many-' || n FROM generate_series(1, 250) AS n`
      const rebuilt = new Set<string>()
      const rebuild = (project_id: string) => Effect.sync(() => rebuilt.add(project_id).size)
      const rollups = Layer.fresh(Rollups.layer).pipe(Layer.provide(Layer.mock(RollupStore, { rebuild })))
      yield* Effect.provide(
        Rollups.use((service) => service.rebuild),
        rollups
      )
      assert.strictEqual(rebuilt.size, (yield* write`SELECT FROM projects`).length)
      assert.isAtLeast(rebuilt.size, 250)
    })
  )

  /** A service of its own over a store that folds as it is told. */
  const over = (fold: RollupStore["Service"]["fold"]) =>
    Effect.provide(Rollups, Layer.fresh(Rollups.layer).pipe(Layer.provide(Layer.mock(RollupStore, { fold }))))

  /** A store's way to fold so many, and the limits that it was given. */
  const folding = (count: number) => {
    let left = count
    const limits: Array<number> = []
    const fold = (limit: number) =>
      Effect.sync(() => {
        limits.push(limit)
        const folded = Math.min(limit, left)
        left -= folded
        return Option.some(folded)
      })
    return { limits, fold }
  }

  it.effect("are folded until a batch is not full", () =>
    Effect.gen(function* () {
      const { fold } = yield* over(folding(2_500).fold)
      assert.strictEqual(yield* fold, 2_500)
      assert.strictEqual(yield* fold, 0)
    })
  )

  it.effect("are left to another process that folds, or wait for it", () =>
    Effect.gen(function* () {
      const store = folding(7)
      let taken = true
      const { fold, foldAll } = yield* over((limit) =>
        Effect.suspend(() => (taken ? Effect.succeed(Option.none()) : store.fold(limit)))
      )
      assert.strictEqual(yield* fold, 0)
      const waiting = yield* Effect.forkChild(foldAll)
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(waiting.pollUnsafe())
      taken = false
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(waiting), 7)
    })
  )

  it.effect("are folded by smaller batches where the database can't do one in time", () =>
    Effect.gen(function* () {
      const store = folding(300)
      const outage = Effect.die(new DatabaseUnavailable({ cause: new Error("too late") }))
      const { fold } = yield* over((limit) => (limit > 200 ? outage : store.fold(limit)))
      assert.strictEqual(yield* fold, 300)
      assert.deepStrictEqual(store.limits, [125, 125, 125])
      const away = yield* over(() => outage)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(away.fold)))
    })
  )
})
