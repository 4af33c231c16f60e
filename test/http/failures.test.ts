import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { ExecutionId } from "../../src/domain/Ids.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import type { Settings } from "../../src/services/Settings.ts"
import { apiOver, call } from "../support/api.ts"
import { hangs, stalls } from "../support/fakeOpenAi.ts"
import type { Behaviour } from "../support/fakeOpenAi.ts"
import { newName } from "../support/ledger.ts"
import { openAiOf, Provider } from "../support/service.ts"

/** The service with other times, so that what takes long elsewhere takes no time here. */
const serviceWith = (settings: Partial<Settings>) =>
  apiOver(
    Layer.unwrap(
      Effect.map(Provider, (provider) =>
        PromptLedger.layerMemory({ providers: [openAiOf(provider)], settings })
      )
    ).pipe(Layer.provideMerge(Provider.layer))
  )

const runAgainst = Effect.fnUntraced(function* (behaviour: Behaviour) {
  const { behave } = yield* Provider
  behave(behaviour)
  const name = newName()
  yield* call("PUT", `/v1/prompts/${name}`, { body: { template_source: "x" } })
  return yield* call("POST", "/v1/executions:run", {
    body: { prompt_name: name, variables: {}, model: { provider: "openai", model_name: "gpt-4o" } }
  })
})

const options = { timeout: "60 seconds", excludeTestServices: true } as const

layer(serviceWith({ provider_timeout: Duration.millis(300) }), options)("a failed run", (it) => {
  it.effect.each([
    ["before it answers", hangs],
    ["in the middle of its answer", stalls]
  ] as const)("is a 504 when the provider takes too long %s", ([, behaviour]) =>
    Effect.gen(function* () {
      const { status, body } = yield* runAgainst(behaviour)
      assert.strictEqual(status, 504)
      assert.deepInclude(body, { code: "ProviderTimeout", error_type: "provider_timeout" })
      const { body: row } = yield* call("GET", `/v1/executions/${body.execution_id}`)
      assert.deepInclude(row, { status: "failed", error_type: "provider_timeout" })
    })
  )
})

layer(serviceWith({ heartbeat: Duration.millis(20) }), options)("a failed run", (it) => {
  it.effect("is a 503 when the service lost it on the way", () =>
    Effect.gen(function* () {
      const store = yield* ExecutionStore
      const lose = Effect.gen(function* () {
        const { body } = yield* call("GET", "/v1/executions?status=running")
        const [running] = body.executions
        return yield* store.release({ execution_id: ExecutionId.make(running.execution_id), epoch: 1 })
      }).pipe(
        Effect.catchDefect(() => Effect.succeedNone),
        Effect.repeat({ until: ({ _tag }) => _tag === "Some" })
      )
      const [{ status, headers, body }] = yield* Effect.all([runAgainst(hangs), lose], { concurrency: 2 })
      assert.strictEqual(status, 503)
      assert.deepInclude(body, { code: "ExecutionInterrupted", error_type: "worker_lost" })
      assert.strictEqual(headers.get("retry-after"), String(body.retry_after))
    })
  )
})
