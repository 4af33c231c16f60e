import { assert, layer } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Fiber, Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"
import { echo } from "../../src/layers/memory/echo.ts"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import * as ExecutionQueueSql from "../../src/layers/postgres/ExecutionQueueSql.ts"
import { layerMigrated } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { layerServices } from "../../src/layers/Services.ts"
import { DatabaseUnavailable } from "../../src/services/DatabaseUnavailable.ts"
import { Executions } from "../../src/services/Executions.ts"
import { Prompts } from "../../src/services/Prompts.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import { newName, PROJECT } from "../support/ledger.ts"
import { pass } from "../support/service.ts"

/** The stores over one database, and how often a prompt was asked for. */
class Asked extends Context.Service<Asked, { count: number }>()("test/Asked") {}

const stores = Layer.effectContext(
  Effect.gen(function* () {
    const store = yield* PromptStore
    const asked = { count: 0 }
    const counting = PromptStore.of({
      ...store,
      resolve: (...which) => {
        asked.count++
        return store.resolve(...which)
      }
    })
    return Context.make(PromptStore, counting).pipe(Context.add(Asked, asked))
  })
).pipe(Layer.provideMerge(layerStores), Layer.provideMerge(layerMigrated(DatabasePglite.layerMemory)))

/** A process of its own over the shared stores, but for the prompts of another. */
const processOver = <R>(promptStore: Layer.Layer<PromptStore, never, R>) =>
  Effect.map(
    Layer.build(
      Layer.fresh(
        layerServices.pipe(
          Layer.provide([
            ExecutionQueueSql.layer,
            RateLimiter.layerStoreMemory,
            PromptLedger.layerProviders([echo]),
            promptStore
          ])
        )
      )
    ),
    (context) => ({ prompts: Context.get(context, Prompts), executions: Context.get(context, Executions) })
  )

const process = processOver(Layer.effect(PromptStore, PromptStore))

const textOf = (prompts: Prompts["Service"], name: string) =>
  Effect.map(prompts.get(PROJECT, name), ({ active_version }) => active_version?.template_source)

layer(stores, { timeout: "60 seconds" })("the active prompt", (it) => {
  it.effect("is read once, and at once again when this process has changed it", () =>
    Effect.gen(function* () {
      const { prompts } = yield* process
      const asked = yield* Asked
      const name = newName()
      yield* prompts.upsert(PROJECT, name, { template_source: "first" })
      asked.count = 0
      for (let read = 0; read < 5; read++) assert.strictEqual(yield* textOf(prompts, name), "first")
      assert.strictEqual(asked.count, 1)
      yield* prompts.upsert(PROJECT, name, { template_source: "second" })
      assert.strictEqual(yield* textOf(prompts, name), "second")
      yield* prompts.activate(PROJECT, name, 1)
      assert.strictEqual(yield* textOf(prompts, name), "first")
      const code = newName()
      yield* prompts.register(PROJECT, [{ name: code, template_source: "a" }])
      assert.strictEqual(yield* textOf(prompts, code), "a")
      yield* prompts.register(PROJECT, [{ name: code, template_source: "b" }])
      assert.strictEqual(yield* textOf(prompts, code), "b")
    })
  )

  it.effect("that another process has changed is read within a second, and run at once", () =>
    Effect.gen(function* () {
      const [here, there] = [yield* process, yield* process]
      const name = newName()
      yield* there.prompts.upsert(PROJECT, name, { template_source: "first" })
      assert.strictEqual(yield* textOf(here.prompts, name), "first")
      yield* there.prompts.upsert(PROJECT, name, { template_source: "second" })
      assert.strictEqual(yield* textOf(here.prompts, name), "first")

      const model = { provider: "echo", model_name: "echo" } as const
      const request = { prompt_name: name, variables: {}, model }
      const ran = yield* here.executions.run(PROJECT, "full", request)
      assert.deepInclude(ran, { version_number: 2, response_text: "[echo] second" })
      assert.strictEqual(yield* textOf(here.prompts, name), "second")
      yield* there.prompts.activate(PROJECT, name, 1)
      const submitted = yield* here.executions.submit(PROJECT, "full", request)
      assert.strictEqual(submitted.version_number, 1)

      yield* there.prompts.activate(PROJECT, name, 2)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* textOf(here.prompts, name), "second")
    })
  )

  it.effect("that a lagging replica keeps telling of is given up", () =>
    Effect.gen(function* () {
      const { prompts } = yield* process
      const name = newName()
      yield* prompts.upsert(PROJECT, name, { template_source: "first" })
      const store = yield* PromptStore
      const asked = yield* Asked
      const old = yield* store.resolve(PROJECT, name, undefined)
      yield* prompts.upsert(PROJECT, name, { template_source: "second" })
      asked.count = 0
      const { executions } = yield* processOver(
        Layer.succeed(PromptStore, {
          ...store,
          resolve: () => Effect.sync(() => (asked.count++, old))
        })
      )
      const request = { prompt_name: name, variables: {} }
      for (const accept of [executions.run, executions.submit]) {
        asked.count = 0
        const accepting = yield* Effect.forkChild(Effect.exit(accept(PROJECT, "full", request)))
        yield* pass(1)
        const exit = yield* Fiber.join(accepting)
        assert(Exit.isFailure(exit))
        assert.instanceOf(Cause.squash(exit.cause), DatabaseUnavailable)
        assert.isAtMost(asked.count, 5)
      }
    })
  )

  it.effect("that is not there is looked for each time", () =>
    Effect.gen(function* () {
      const [here, there] = [yield* process, yield* process]
      const name = newName()
      assert.strictEqual((yield* Effect.flip(here.prompts.get(PROJECT, name)))._tag, "PromptNotFound")
      yield* there.prompts.upsert(PROJECT, name, { template_source: "x", set_active: false })
      assert.isUndefined(yield* textOf(here.prompts, name))
      yield* there.prompts.activate(PROJECT, name, 1)
      assert.strictEqual(yield* textOf(here.prompts, name), "x")
    })
  )
})
