import { assert, describe } from "@effect/vitest"
import type { Vitest } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { attemptFailed, attemptSucceeded } from "../../src/domain/attempt.ts"
import { noFigures } from "../../src/domain/figures.ts"
import { makeProviderError } from "../../src/domain/providerError.ts"
import { sketchOf } from "../../src/domain/sketch.ts"
import { AnalyticsStore } from "../../src/services/AnalyticsStore.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import { DatabaseClock } from "../support/database.ts"
import { change, newExecution, newName, OTHER_PROJECT, PROJECT, revise } from "../support/ledger.ts"

const LEASE = Duration.seconds(30)

export const analyticsStoreContract = (
  it: Vitest.MethodsNonLive<AnalyticsStore | ExecutionStore | PromptStore | DatabaseClock>
) =>
  describe("AnalyticsStore", () => {
    it.effect("counts prompts and executions, averages latency and adds tokens, mode by mode", () =>
      Effect.gen(function* () {
        const analytics = yield* AnalyticsStore
        const executions = yield* ExecutionStore
        const clock = yield* DatabaseClock
        const full = yield* revise(change(newName(), "full"))
        const tracking = yield* revise(change(newName(), "tracking", { mode: "tracking" }))

        const run = Effect.fnUntraced(function* (of: typeof full, latency: number, environment = "dev") {
          const execution = yield* newExecution(of, { mode: "sync", environment })
          yield* executions.insert(execution, LEASE)
          const lease = { execution_id: execution.execution_id, epoch: 1 }
          const completion = { text: "x", prompt_tokens: 10, response_tokens: 5, provider_request_id: null }
          yield* executions.finish(lease, attemptSucceeded(completion, Duration.millis(latency)))
        })
        yield* run(full, 100)
        yield* run(full, 300, "prod")
        yield* run(tracking, 50)
        const failed = yield* newExecution(full, { mode: "sync" })
        yield* executions.insert(failed, LEASE)
        const error = makeProviderError({ reason: "rejected", detail: "no" })
        yield* executions.finish(
          { execution_id: failed.execution_id, epoch: 1 },
          attemptFailed({ mode: "sync", attempts: 1 }, error, Duration.millis(9_999))
        )
        yield* executions.insert(yield* newExecution(full), LEASE)

        const of = (name: string) => ({ prompt_name: name })
        assert.deepStrictEqual(yield* analytics.byMode(PROJECT, of(full.prompt.name)), [
          {
            mode: "full",
            prompt_count: 1,
            execution_count: 4,
            succeeded: 2,
            failed: 1,
            canceled: 0,
            errors: [{ error_type: "provider_rejected", count: 1 }],
            avg_latency_ms: 200,
            latencies: sketchOf([100, 300]),
            prompt_tokens: 20,
            response_tokens: 10,
            cost_usd: 0
          },
          {
            mode: "tracking",
            prompt_count: 0,
            ...noFigures
          }
        ])
        const [tracked, ...none] = yield* analytics.byMode(PROJECT, {
          ...of(tracking.prompt.name),
          mode: "tracking"
        })
        assert.include(tracked, { mode: "tracking", prompt_count: 1, execution_count: 1, avg_latency_ms: 50 })
        assert.deepStrictEqual(none, [])
        const [prod] = yield* analytics.byMode(PROJECT, { ...of(full.prompt.name), environment: "prod" })
        assert.include(prod, { prompt_count: 1, execution_count: 1, avg_latency_ms: 300 })

        const { created_at } = (yield* executions.list(
          PROJECT,
          {
            prompt_name: full.prompt.name
          },
          { limit: 1 }
        ))[0]!
        yield* clock.advance("1 hour")
        yield* run(full, 1)
        const later = { ...of(full.prompt.name), from: new Date(created_at.getTime() + 1_000) }
        assert.strictEqual((yield* analytics.byMode(PROJECT, later))[0]!.execution_count, 1)
        const earlier = { ...of(full.prompt.name), to: new Date(created_at.getTime() + 1_000) }
        assert.strictEqual((yield* analytics.byMode(PROJECT, earlier))[0]!.execution_count, 4)
        assert.strictEqual((yield* analytics.byMode(OTHER_PROJECT, {}))[0]!.execution_count, 0)
      })
    )
  })
