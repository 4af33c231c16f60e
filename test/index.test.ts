import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Redacted, Stream } from "effect"
import { RateLimiter } from "effect/persistence"
import { inspect } from "node:util"
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

/** A provider of a test's own, which answers with what it makes of the prompt. */
const answers = (make: (prompt: string) => string): Provider => ({
  name: "openai",
  complete: ({ messages }) =>
    Stream.succeed({
      text: messages.map(({ content }) => make(content)).join(),
      prompt_tokens: 1,
      response_tokens: 1,
      provider_request_id: "req_1"
    })
})
const shouts = answers((prompt) => prompt.toUpperCase())
const whispers = answers((prompt) => prompt.toLowerCase())

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

/** Parts of a service that embeds a ledger, each of which has it in its own layer. */
const asked = Effect.gen(function* () {
  const ledger = yield* Effect.context<Prompts | Executions>()
  const prompts = yield* Prompts
  return {
    answer: Effect.provide(program, ledger),
    names: Effect.map(prompts.list(DEFAULT_PROJECT_ID, {}, { limit: 10 }), ({ items }) =>
      items.map(({ name }) => name)
    )
  }
})
type Part = Effect.Success<typeof asked>

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

  it.effect(
    "has as many ledgers in a process as it is asked for, each with its own database and providers",
    () =>
      Effect.gen(function* () {
        class Loud extends Context.Service<Loud, Part>()("test/Loud") {}
        class Quiet extends Context.Service<Quiet, Part>()("test/Quiet") {}
        const both = Layer.merge(
          Layer.effect(Loud, asked).pipe(Layer.provide(PromptLedger.layerMemory({ providers: [shouts] }))),
          Layer.effect(Quiet, asked).pipe(Layer.provide(PromptLedger.layerMemory({ providers: [whispers] })))
        )
        yield* Effect.gen(function* () {
          const loud = yield* Loud
          const quiet = yield* Quiet
          assert.strictEqual((yield* loud.answer).response_text, "HELLO ADA")
          assert.deepStrictEqual(yield* quiet.names, [])
          assert.strictEqual((yield* quiet.answer).response_text, "hello ada")
        }).pipe(Effect.provide(both))
      })
  )

  it.effect("says of an address that is none what it expected, and does not quote it", () =>
    Effect.gen(function* () {
      for (const url of ["postgres//user:s3cret@host/db", "postgres://user:s3cret@host:99999/db"]) {
        const ledger = PromptLedger.layerPostgres({ url: Redacted.make(url) })
        const error = yield* Effect.flip(Effect.scoped(Layer.build(ledger)))
        assert.include(inspect(error, { depth: 9 }), "Expected a URL")
        assert.notInclude(inspect(error, { depth: 9 }), "s3cret")
      }
    })
  )

  it.effect("is one ledger to all who are given the same layer", () =>
    Effect.gen(function* () {
      class One extends Context.Service<One, Part>()("test/One") {}
      class Other extends Context.Service<Other, Part>()("test/Other") {}
      const ledger = PromptLedger.layerMemory({ providers: [shouts] })
      const both = Layer.merge(Layer.effect(One, asked), Layer.effect(Other, asked)).pipe(
        Layer.provide(ledger)
      )
      yield* Effect.gen(function* () {
        yield* (yield* One).answer
        assert.deepStrictEqual(yield* (yield* Other).names, ["greeting"])
      }).pipe(Effect.provide(both))
    })
  )
})
