import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted, Stream } from "effect"
import { openAiProvider } from "../../src/layers/openai/OpenAiProvider.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Executions } from "../../src/services/Executions.ts"
import type { Provider } from "../../src/services/Providers.ts"
import { newName, PROJECT } from "../support/ledger.ts"
import { logged } from "../support/logged.ts"
import { request, upsert } from "../support/service.ts"

/** What is told of a run with a provider, beside its end. */
const toldOf = Effect.fnUntraced(function* (provider: Provider) {
  const name = newName()
  const answer = Effect.gen(function* () {
    yield* upsert(name, "Hello")
    return yield* Effect.flip(Executions.use(({ run }) => run(PROJECT, "full", request(name))))
  }).pipe(Effect.provide(PromptLedger.layerMemory({ providers: [provider] })))
  const { value, lines } = yield* logged(answer)
  assert.include(value, { _tag: "ExecutionFailed", error_type: "provider_invalid_response" })
  const told = lines.filter(({ level }) => level === "ERROR")
  assert.deepStrictEqual(
    told.map(({ message }) => message),
    ["a provider call failed unexpectedly"]
  )
  return told[0].cause as string
})

describe("a provider that breaks down as none should", () => {
  it.effect("is told of with where it did", () =>
    Effect.gen(function* () {
      const broken = { name: "openai", complete: () => Stream.die(new TypeError("it is undefined")) } as const
      assert.match(yield* toldOf(broken), /TypeError: it is undefined\n +at /)
    })
  )

  it.effect("is told of without what it says where that may quote the key", () =>
    Effect.gen(function* () {
      const apiKey = Redacted.make("no-header-\n-has-this")
      const cause = yield* toldOf(openAiProvider({ apiKey, baseUrl: "http://127.0.0.1:9" }))
      assert.match(cause, /TypeError: what it says is left out[^\n]*\n +at /)
      assert.notMatch(cause, /no-header|has-this/)
    })
  )
})
