import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { requireGivenMode, requireMode } from "../../src/domain/modes.ts"

describe("modes", () => {
  for (const [operation, mode] of [
    ["upsert", "full"],
    ["activate", "full"],
    ["run", "full"],
    ["submit", "full"],
    ["register", "tracking"],
    ["execute", "tracking"]
  ] as const) {
    it.effect(`lets ${operation} through in ${mode} mode only`, () =>
      Effect.gen(function* () {
        const other = mode === "full" ? "tracking" : "full"
        yield* requireMode({ name: "p", mode }, operation)
        const error = yield* Effect.flip(requireMode({ name: "p", mode: other }, operation))
        assert.include(error, { _tag: "ModeMismatch", prompt_name: "p", mode: other, operation })
      })
    )
  }

  it.effect("hold a request to the mode that it names", () =>
    Effect.gen(function* () {
      const outcomes = yield* Effect.forEach(["full", "tracking"] as const, (mode) =>
        Effect.result(requireGivenMode({ name: "p", mode: "full" }, mode, "history"))
      )
      assert.deepStrictEqual(outcomes.map(Result.isSuccess), [true, false])
    })
  )
})
