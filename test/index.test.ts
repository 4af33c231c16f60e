import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { RateLimiter } from "effect/persistence"
import {
  DatabasePglite,
  DEFAULT_PROJECT_ID,
  Executions,
  ExecutionQueueSql,
  layerMigrated,
  layerServices,
  layerStores,
  NewId,
  PromptLedger,
  Prompts
} from "../src/index.ts"
import type { Provider } from "../src/index.ts"

/** A provider of a test's own: it answers with the prompt in capitals. */
const shouts: Provider = {
  name: "openai",
  complete: ({ messages }) =>
    Stream.succeed({
      text: messages.map(({ content }) => content.toUpperCase()).join(),
      prompt_tokens: 1,
      response_tokens: 1,
      provider_request_id: "req_1"
    })
}

const counted = Layer.sync(NewId, () => {
  let made = 0
  return () => `00000000-0000-7000-9000-${String(++made).padStart(12, "0")}`
})

/** What a service that embeds the ledger would do. */
const program = Effect.gen(function* () {
  const prompts = yield* Prompts
  const executions = yield* Executions
  yield* prompts.upsert(DEFAULT_PROJECT_ID, "greeting", { template_source: "Hello {{ name }}" })
  const { execution_id, response_text, created_at } = yield* executions.run(DEFAULT_PROJECT_ID, "full", {
    prompt_name: "greeting",
    variables: { name: "Ada" }
  })
  return { execution_id, response_text, created_at }
})

describe("the library", () => {
  it.effect("runs the whole service in memory, the same way each time", () =>
    Effect.gen(function* () {
      const run = Effect.provide(
        program,
        PromptLedger.layerMemory({ providers: [shouts] }).pipe(Layer.provide(counted), Layer.fresh)
      )
      const first = yield* run
      assert.strictEqual(first.response_text, "HELLO ADA")
      assert.strictEqual(first.created_at.getTime(), 0)
      assert.deepStrictEqual(yield* run, first)
    })
  )

  it.effect("is made of pieces that can be put together in other ways", () =>
    Effect.gen(function* () {
      const pieces = layerServices.pipe(
        Layer.provide([
          Layer.merge(layerStores, ExecutionQueueSql.layer).pipe(
            Layer.provide(layerMigrated(DatabasePglite.layerMemory))
          ),
          RateLimiter.layerStoreMemory,
          PromptLedger.layerProviders([shouts])
        ])
      )
      const { response_text } = yield* Effect.provide(program, pieces)
      assert.strictEqual(response_text, "HELLO ADA")
    })
  )
})
