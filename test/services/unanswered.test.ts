import { assert, layer } from "@effect/vitest"
import { Cause, Effect, Exit, Layer } from "effect"
import { RateLimiter } from "effect/persistence"
import { TestClock } from "effect/testing"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import * as ExecutionQueueSql from "../../src/layers/postgres/ExecutionQueueSql.ts"
import { layerMigrated } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { layerServices } from "../../src/layers/Services.ts"
import { DatabaseUnavailable } from "../../src/services/DatabaseUnavailable.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { Executions } from "../../src/services/Executions.ts"
import { Lifecycle } from "../../src/services/Lifecycle.ts"
import { defaultSettings } from "../../src/services/Settings.ts"
import { says } from "../support/fakeOpenAi.ts"
import { newName, PROJECT } from "../support/ledger.ts"
import { openAiOf, pass, Provider, request, untilStatus, upsert } from "../support/service.ts"

/** What becomes of a row that is to be written, while the database does not answer. */
type Fate = "written" | "not written"
let fate: Fate | undefined

/** The service over a store that does as it is told, and then does not answer. */
const service = Layer.unwrap(
  Effect.map(Provider, (provider) => {
    const unanswering = Layer.effect(
      ExecutionStore,
      Effect.map(ExecutionStore, (store) => ({
        ...store,
        insert: (...given: Parameters<typeof store.insert>) =>
          fate === undefined
            ? store.insert(...given)
            : Effect.andThen(
                fate === "written" ? store.insert(...given) : Effect.void,
                Effect.die(new DatabaseUnavailable({ cause: new Error("no answer") }))
              )
      }))
    )
    return layerServices.pipe(
      Layer.provideMerge(unanswering),
      Layer.provideMerge(
        Layer.merge(layerStores, ExecutionQueueSql.layer).pipe(
          Layer.provide(layerMigrated(DatabasePglite.layerMemory))
        )
      ),
      Layer.provide([RateLimiter.layerStoreMemory, PromptLedger.layerProviders([openAiOf(provider)])])
    )
  })
).pipe(Layer.provideMerge(Provider.layer))

const { heartbeat } = defaultSettings

/** Asks for a run whose row has that fate, and gives what asks for it again. */
const refused = Effect.fnUntraced(function* (row: Fate, idempotency_key?: string) {
  const provider = yield* Provider
  provider.forget()
  provider.behave(says("Hi"))
  const { list, run } = yield* Executions
  const name = newName()
  yield* upsert(name, "Hello {{ name }}")
  const asked = run(PROJECT, "full", request(name, { idempotency_key }))
  fate = row
  const exit = yield* Effect.ensuring(
    Effect.exit(asked),
    Effect.sync(() => (fate = undefined))
  )
  assert(Exit.isFailure(exit))
  assert.instanceOf(Cause.squash(exit.cause), DatabaseUnavailable)
  const rows = Effect.map(list(PROJECT, { prompt_name: name }, { limit: 9 }), ({ items }) => items)
  return { again: asked, rows, calls: provider.calls }
})

layer(service)("a sync run whose row the database did not answer for", (it) => {
  it.effect("is carried out when it turns out to be written, for who asks again with its key", () =>
    Effect.gen(function* () {
      const { again, rows, calls } = yield* refused("written", "key")
      assert.deepInclude(yield* again, { status: "running", replayed: true })
      assert.lengthOf(calls, 0)
      yield* TestClock.adjust(heartbeat)
      const [row] = yield* rows
      yield* untilStatus(row!.execution_id, "succeeded")
      const { execution_id } = row!
      assert.deepInclude(yield* again, { execution_id, response_text: "Hi", attempts: 1, replayed: true })
      assert.lengthOf(calls, 1)
    })
  )

  it.effect("is not when nobody has a key to learn of it", () =>
    Effect.gen(function* () {
      const { rows, calls } = yield* refused("written")
      yield* pass(20)
      assert.lengthOf(calls, 0)
      assert.deepInclude((yield* rows)[0], { status: "running" })
    })
  )

  it.effect("was none when it turns out not to be written, and its key is free", () =>
    Effect.gen(function* () {
      const { again, rows, calls } = yield* refused("not written", "key")
      yield* pass(20)
      assert.lengthOf(calls, 0)
      assert.deepInclude(yield* again, { status: "succeeded", replayed: false })
      yield* pass(20)
      assert.lengthOf(yield* rows, 1)
      assert.lengthOf(calls, 1)
    })
  )

  it.effect("is not begun by a process that is to stop", () =>
    Effect.gen(function* () {
      const { calls } = yield* refused("written", "key")
      yield* Lifecycle.use(({ stop }) => stop)
      yield* pass(20)
      assert.lengthOf(calls, 0)
    })
  )
})
