import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Analytics } from "../../src/services/Analytics.ts"
import { Executions } from "../../src/services/Executions.ts"
import { Prompts } from "../../src/services/Prompts.ts"
import { Rollups } from "../../src/services/Rollups.ts"
import { newName, PROJECT } from "../support/ledger.ts"
import { lineageOf, openAiOf, Provider, request, until, upsert } from "../support/service.ts"

const retain = { bodies: Duration.hours(1), executions: Duration.hours(3) }

const service = Layer.unwrap(
  Effect.map(Provider, (provider) =>
    PromptLedger.layerMemory({ providers: [openAiOf(provider)], settings: { retain } })
  )
).pipe(Layer.provideMerge(Provider.layer))

layer(service, { timeout: "60 seconds" })("a worker that is told to drop what is old", (it) => {
  it.effect("drops bodies, and later executions; the key stands for what is left, and figures stay", () =>
    Effect.gen(function* () {
      const { run, get } = yield* Executions
      const { calls } = yield* Provider
      const name = newName()
      yield* upsert(name, "Hello {{ name }}")
      const asked = request(name, { idempotency_key: "once" })
      const first = yield* run(PROJECT, "full", asked)
      const { execution_id } = first
      const told = Effect.gen(function* () {
        const analytics = yield* Analytics
        const { items } = yield* Prompts.use(({ history }) => history(PROJECT, name, undefined, { limit: 9 }))
        return [yield* analytics.prompts(PROJECT, { prompt_name: name }), items]
      })
      const figures = yield* told
      const found = Effect.option(get(PROJECT, execution_id, Duration.zero))

      yield* TestClock.adjust("55 minutes")
      yield* Rollups.use(({ fold }) => fold)
      assert.strictEqual(Option.getOrThrow(yield* found).response_text, first.response_text)
      yield* TestClock.adjust("20 minutes")
      yield* until(Effect.map(found, (execution) => Option.getOrThrow(execution).bodies_dropped_at !== null))
      const bare = yield* lineageOf(execution_id)
      assert.isNull(bare.variables)
      assert.strictEqual(bare.version.template_source, "Hello {{ name }}")
      const again = yield* run(PROJECT, "full", asked)
      assert.include(again, { execution_id, replayed: true, status: "succeeded", response_text: null })
      assert.lengthOf(calls, 1)
      const reused = yield* Effect.flip(run(PROJECT, "full", { ...asked, variables: { name: "Grace" } }))
      assert.strictEqual(reused._tag, "IdempotencyKeyReused")
      assert.deepStrictEqual(yield* told, figures)

      yield* TestClock.adjust("2 hours")
      yield* until(Effect.map(found, Option.isNone))
      assert.deepStrictEqual(yield* told, figures)
      yield* Rollups.use(({ rebuild }) => rebuild)
      assert.deepStrictEqual(yield* told, figures)
      const anew = yield* run(PROJECT, "full", asked)
      assert.isFalse(anew.replayed)
      assert.lengthOf(calls, 2)
    })
  )
})
