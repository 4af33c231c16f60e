import { assert, describe } from "@effect/vitest"
import type { Vitest } from "@effect/vitest"
import { Duration, Effect, Option, Result } from "effect"
import { attemptFailed, attemptSucceeded } from "../../src/domain/attempt.ts"
import { transition } from "../../src/domain/executionState.ts"
import type { ExecutionEvent, ExecutionState } from "../../src/domain/executionState.ts"
import type { ExecutionId } from "../../src/domain/Ids.ts"
import { makeProviderError } from "../../src/domain/providerError.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import { DatabaseClock } from "../support/database.ts"
import { eventOf, History, queued } from "../support/histories.ts"
import { change, newExecution, newName, PROJECT, revise } from "../support/ledger.ts"

const LEASE = Duration.seconds(30)
const LATENCY = Duration.millis(1)
const answered = attemptSucceeded(
  { text: "Hi", prompt_tokens: null, response_tokens: null, provider_request_id: null },
  LATENCY
)
const error = (retryable: boolean) =>
  makeProviderError({ reason: retryable ? "server_error" : "rejected", detail: "no" })

/** Does to a store what the event is; whether it applied. */
const applied = Effect.fnUntraced(function* (
  execution_id: ExecutionId,
  state: ExecutionState,
  event: ExecutionEvent
) {
  const store = yield* ExecutionStore
  switch (event._tag) {
    case "Claim": {
      yield* DatabaseClock.use(({ advance }) => advance("3 minutes"))
      return Option.isSome(yield* store.claim({ execution_id, epoch: state.epoch }, LEASE))
    }
    case "Succeed":
      return Option.isSome(yield* store.finish({ execution_id, epoch: event.epoch }, answered))
    case "Fail": {
      const end = attemptFailed(state, error(event.retryable), LATENCY)
      return Option.isSome(yield* store.finish({ execution_id, epoch: event.epoch }, end))
    }
    case "Lose":
      return Option.isSome(yield* store.release({ execution_id, epoch: event.epoch }))
    case "Cancel":
      return Option.getOrThrow(yield* store.cancel(PROJECT, execution_id)).canceled
  }
})

const stored = Effect.fnUntraced(function* (execution_id: ExecutionId) {
  const { write: sql } = yield* Database
  const [row] = yield* Effect.orDie(sql<ExecutionState>`
    SELECT status, execution_mode AS mode, epoch, attempts, lost_attempts FROM executions
    WHERE execution_id = ${execution_id}`)
  return row!
})

/** The state machine in SQL and the one in the domain are the same one. */
export const historiesContract = (
  it: Vitest.MethodsNonLive<ExecutionStore | PromptStore | Database | DatabaseClock>
) =>
  describe("ExecutionStore", () => {
    it.effect.prop(
      "leads every history through the states that the domain's rules lead it through",
      [History],
      ([{ mode, happenings }]) =>
        Effect.gen(function* () {
          const store = yield* ExecutionStore
          const execution = yield* newExecution(yield* revise(change(newName(), "x")), { mode })
          yield* store.insert(execution, LEASE)
          const { execution_id } = execution
          let state = queued(mode)
          // A sync execution is written as claimed.
          if (mode === "sync") ({ state } = yield* transition(state, { _tag: "Claim" }))
          assert.deepStrictEqual(yield* stored(execution_id), state)
          for (const happening of happenings) {
            const event = eventOf(happening, state)
            const expected = yield* Effect.result(transition(state, event))
            assert.strictEqual(yield* applied(execution_id, state, event), Result.isSuccess(expected))
            if (Result.isSuccess(expected)) ({ state } = expected.success)
            assert.deepStrictEqual(yield* stored(execution_id), state)
          }
          const { attempts } = Option.getOrThrow(yield* store.lineage(PROJECT, execution_id))
          assert.deepStrictEqual(
            attempts.map(({ attempt_number }) => attempt_number),
            Array.from({ length: state.epoch }, (_, index) => index + 1)
          )
          const open = attempts.filter(({ outcome }) => outcome === null)
          assert.lengthOf(open, state.status === "running" ? 1 : 0)
        }),
      { arbitrary: { runs: 60 } }
    )
  })
