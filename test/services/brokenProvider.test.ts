import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Executions } from "../../src/services/Executions.ts"
import { PROJECT, newName } from "../support/ledger.ts"
import { logged } from "../support/logged.ts"
import { request, upsert } from "../support/service.ts"

it.effect("a provider that breaks down as none should is told of with where it did", () =>
  Effect.gen(function* () {
    const broken = { name: "openai", complete: () => Stream.die(new TypeError("it is undefined")) } as const
    const name = newName()
    const answer = Effect.gen(function* () {
      yield* upsert(name, "Hello")
      return yield* Effect.exit(Executions.use(({ run }) => run(PROJECT, "full", request(name))))
    }).pipe(Effect.provide(PromptLedger.layerMemory({ providers: [broken] })))
    const { lines } = yield* logged(answer)
    const told = lines.filter(({ level }) => level === "ERROR")
    assert.deepStrictEqual(
      told.map(({ message }) => message),
      ["a provider call failed unexpectedly"]
    )
    assert.match(told[0].cause, /TypeError: it is undefined\n +at /)
  })
)
