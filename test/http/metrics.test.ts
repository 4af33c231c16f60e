import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Sweeper } from "../../src/services/Sweeper.ts"
import { apiOver, call } from "../support/api.ts"
import { newDatabase } from "../support/database.ts"
import { fails, hangs, says } from "../support/fakeOpenAi.ts"
import { newName } from "../support/ledger.ts"
import { openAiOf, Provider, until } from "../support/service.ts"

/** The API over PostgreSQL, with measures of its own: others of this process count elsewhere. */
const service = Layer.unwrap(
  Effect.gen(function* () {
    const url = yield* newDatabase
    return PromptLedger.layerPostgres({ url, providers: [openAiOf(yield* Provider)] })
  })
).pipe(
  Layer.provideMerge(Provider.layer),
  Layer.provideMerge(Layer.succeed(Metric.MetricRegistry, new Map()))
)

const scrape = Effect.map(call("GET", "/metrics"), ({ body }) => String(body))

layer(apiOver(service), { timeout: "60 seconds", excludeTestServices: true })("metrics", (it) => {
  it.effect("tell what became of attempts, what waits, and how long for a connection", () =>
    Effect.gen(function* () {
      const provider = yield* Provider
      const name = newName()
      yield* call("PUT", `/v1/prompts/${name}`, { body: { template_source: "x" } })
      const body = { prompt_name: name, variables: {}, model: { provider: "openai", model_name: "gpt-4o" } }
      // The last is not tried again before the test is over.
      provider.behave([says("well"), fails(400), fails(429, "slow down", { "retry-after": "600" })])
      yield* call("POST", "/v1/executions:run", { body })
      yield* call("POST", "/v1/executions:run", { body })
      yield* call("POST", "/v1/executions:submit", { body })

      const { status, headers } = yield* call("GET", "/metrics")
      assert.strictEqual(status, 200)
      assert.match(headers.get("content-type")!, /^text\/plain; version=0\.0\.4/)
      yield* until(
        Effect.map(scrape, (text) => text.includes('promptledger_attempts_total{outcome="retryable"} 1'))
      )
      const text = yield* scrape
      for (const line of [
        /^promptledger_attempts_total\{outcome="succeeded"\} 1$/m,
        /^promptledger_attempts_total\{outcome="failed"\} 1$/m,
        /^promptledger_attempts_total\{outcome="unknown"\} 0$/m,
        /^promptledger_leases_lost_total 0$/m,
        /^promptledger_retention_dropped_total\{kind="bodies"\} 0$/m,
        /^promptledger_queue_depth 1$/m,
        /^promptledger_queue_oldest_age_seconds \d/m,
        /^promptledger_rollups_pending \d/m,
        /^promptledger_database_pool_wait_seconds_count\{pool="write"\} [1-9]/m,
        /^promptledger_database_pool_wait_seconds_bucket\{pool="read",le="0\.001"\} \d/m,
        /^promptledger_database_pool_waiting\{pool="write"\} \d/m,
        /^# TYPE promptledger_attempts_total counter$/m
      ]) {
        assert.match(text, line)
      }
    })
  )

  it.effect("count an attempt that a cancel ended", () =>
    Effect.gen(function* () {
      const { behave } = yield* Provider
      behave(hangs)
      const name = newName()
      yield* call("PUT", `/v1/prompts/${name}`, { body: { template_source: "x" } })
      const body = { prompt_name: name, variables: {}, model: { provider: "openai", model_name: "gpt-4o" } }
      const { body: submitted } = yield* call("POST", "/v1/executions:submit", { body })
      const at = `/v1/executions/${submitted.execution_id}`
      yield* until(Effect.map(call("GET", at), (answer) => answer.body.status === "running"))
      assert.strictEqual((yield* call("POST", `${at}:cancel`)).status, 200)
      assert.match(yield* scrape, /^promptledger_attempts_total\{outcome="canceled"\} 1$/m)
    })
  )

  it.effect("tell what sweeps found", () =>
    Effect.gen(function* () {
      yield* Sweeper.use(({ sweep }) => sweep)
      assert.match(yield* scrape, /^promptledger_sweeper_finds_total\{kind="recovered"\} 0$/m)
    })
  )
})
