import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Option, Result, Schema } from "effect"
import { isTerminal } from "../../src/domain/Execution.ts"
import { failureDelay, transition } from "../../src/domain/executionState.ts"
import {
  MAX_ATTEMPTS,
  MAX_LOST_ATTEMPTS,
  MAX_RETRY_AFTER,
  RETRY_DELAYS,
  retryDelay
} from "../../src/domain/retry.ts"
import { eventOf, History, queued } from "../support/histories.ts"

/** The states that a history leads through; what does not apply changes nothing. */
const statesOf = Effect.fnUntraced(function* ({ mode, happenings }: typeof History.Type) {
  const states = [queued(mode)]
  for (const happening of happenings) {
    const state = states.at(-1)!
    const result = yield* Effect.result(transition(state, eventOf(happening, state)))
    states.push(Result.isSuccess(result) ? result.success.state : state)
  }
  return states
})

describe("execution state", () => {
  it.effect.prop("has no way out of an ended execution", [History], ([history]) =>
    Effect.gen(function* () {
      const states = yield* statesOf(history)
      const end = states.findIndex(({ status }) => isTerminal(status))
      if (end !== -1) for (const state of states.slice(end)) assert.deepStrictEqual(state, states[end])
    })
  )

  it.effect.prop("never makes a fifth attempt, nor loses a fourth worker", [History], ([history]) =>
    Effect.gen(function* () {
      for (const { attempts, lost_attempts } of yield* statesOf(history)) {
        assert.isAtMost(attempts, MAX_ATTEMPTS)
        assert.isAtLeast(attempts, 0)
        assert.isAtMost(lost_attempts, MAX_LOST_ATTEMPTS)
      }
    })
  )

  it.effect.prop("never lets the epoch fall, and raises it by one with each claim", [History], ([history]) =>
    Effect.gen(function* () {
      const states = yield* statesOf(history)
      for (const [index, state] of states.slice(1).entries()) {
        const before = states[index]!
        const claimed = before.status === "queued" && state.status === "running"
        assert.strictEqual(state.epoch, before.epoch + (claimed ? 1 : 0))
        assert.isAtMost(state.epoch, MAX_ATTEMPTS + MAX_LOST_ATTEMPTS)
      }
    })
  )

  it.effect.prop("changes nothing for an attempt that was fenced off", [History], ([history]) =>
    Effect.gen(function* () {
      for (const state of yield* statesOf(history)) {
        for (const kind of ["Succeed", "Fail", "FailForGood", "Lose"] as const) {
          const error = yield* Effect.flip(transition(state, eventOf({ kind, stale: true }, state)))
          assert.deepInclude(error, { _tag: "InvalidTransition", status: state.status })
        }
      }
    })
  )

  it.effect(
    "makes four attempts of an async execution, after 5 s, 30 s and 2 min, and one of a sync one",
    () =>
      Effect.gen(function* () {
        for (const [mode, delays] of [
          ["async", [5_000, 30_000, 120_000]],
          ["sync", []]
        ] as const) {
          let state = queued(mode)
          const waited: Array<number> = []
          while (!isTerminal(state.status)) {
            ;({ state } = yield* transition(state, { _tag: "Claim" }))
            const failed = yield* transition(state, eventOf({ kind: "Fail", stale: false }, state))
            state = failed.state
            if (state.status === "queued") waited.push(Duration.toMillis(failed.delay))
          }
          assert.deepStrictEqual(waited, [...delays])
          assert.strictEqual(state.status, "failed")
        }
      })
  )

  it.effect("ends with the first failure that no other attempt would mend", () =>
    Effect.gen(function* () {
      const { state } = yield* transition(queued("async"), { _tag: "Claim" })
      const failed = yield* transition(state, eventOf({ kind: "FailForGood", stale: false }, state))
      assert.include(failed.state, { status: "failed", attempts: 1 })
    })
  )

  it.effect("counts no attempt whose worker was lost, but only so many of them", () =>
    Effect.gen(function* () {
      let state = queued("async")
      for (let lost = 1; lost <= MAX_LOST_ATTEMPTS; lost++) {
        ;({ state } = yield* transition(state, { _tag: "Claim" }))
        ;({ state } = yield* transition(state, { _tag: "Lose", epoch: state.epoch }))
        assert.include(state, { attempts: 0, lost_attempts: lost })
      }
      assert.strictEqual(state.status, "failed")
    })
  )
})

describe("retry delay", () => {
  const Wait = Schema.Option(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200_000_000 })))

  it.effect.prop(
    "is never shorter than the step nor than what the provider asked for, up to a day",
    [Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })), Wait],
    ([attempts, asked]) =>
      Effect.sync(() => {
        const delay = Option.getOrThrow(retryDelay(attempts, Option.map(asked, Duration.millis)))
        assert.isTrue(Duration.isGreaterThanOrEqualTo(delay, RETRY_DELAYS[attempts - 1]!))
        const wanted = Duration.min(Duration.millis(Option.getOrElse(asked, () => 0)), MAX_RETRY_AFTER)
        assert.isTrue(Duration.isGreaterThanOrEqualTo(delay, wanted))
      })
  )

  it("is none after the fourth attempt, for sync executions and for failures that stay", () => {
    const none = Option.none()
    assert.isTrue(Option.isNone(retryDelay(4, none)))
    const of = (mode: "sync" | "async", attempts: number, retryable: boolean) =>
      Option.isSome(failureDelay({ mode, attempts }, { retryable, retry_after: none }))
    assert.deepStrictEqual(
      [
        of("async", 1, true),
        of("async", 3, true),
        of("async", 4, true),
        of("async", 1, false),
        of("sync", 1, true)
      ],
      [true, true, false, false, false]
    )
  })
})
