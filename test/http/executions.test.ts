import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Rollups } from "../../src/services/Rollups.ts"
import { apiLayer, call, KEY, pagesOf } from "../support/api.ts"
import { fails, says } from "../support/fakeOpenAi.ts"
import { newName } from "../support/ledger.ts"
import { raw } from "../support/raw.ts"
import { Provider, until } from "../support/service.ts"

const MODEL = { provider: "openai", model_name: "gpt-4o-mini" }

/** A prompt of its own in each mode, and the stand-in as if it had never been called. */
const prompts = Effect.fnUntraced(function* (template_source = "Hello {{ name }}") {
  const provider = yield* Provider
  provider.forget()
  provider.behave(says("Hi"))
  const [full, tracking] = [newName(), newName()]
  yield* call("PUT", `/v1/prompts/${full}`, { body: { template_source } })
  yield* call("POST", "/v1/prompts/register-code", {
    body: { prompts: [{ name: tracking, template_source }] }
  })
  return { full, tracking, provider }
})

const body = (prompt_name: string, more: object = {}) => ({
  prompt_name,
  variables: { name: "Ada" },
  model: MODEL,
  ...more
})
const run = (prompt_name: string, more: object = {}, headers: Record<string, string> = {}) =>
  call("POST", "/v1/executions:run", { body: body(prompt_name, more), headers })
const submit = (prompt_name: string, more: object = {}, headers: Record<string, string> = {}) =>
  call("POST", "/v1/executions:submit", { body: body(prompt_name, more), headers })
const execute = (name: string, more: object = {}, headers: Record<string, string> = {}) =>
  call("POST", `/v1/prompts/${name}/execute`, { body: { variables: { name: "Ada" }, ...more }, headers })

layer(apiLayer, { timeout: "60 seconds", excludeTestServices: true })("executions over HTTP", (it) => {
  describe("POST /v1/executions:run", () => {
    it.effect("answers with the response, the telemetry and the ids of its lineage", () =>
      Effect.gen(function* () {
        const { full, provider } = yield* prompts()
        const {
          status,
          headers,
          body: answer
        } = yield* run(full, {
          environment: "prod",
          correlation_id: "order-1",
          params: { max_new_tokens: 5, temperature: 0.5 }
        })
        assert.strictEqual(status, 200)
        assert.isNull(headers.get("idempotent-replayed"))
        assert.deepInclude(answer, {
          status: "succeeded",
          mode: "sync",
          response_text: "Hi",
          prompt_name: full,
          prompt_mode: "full",
          version_number: 1,
          environment: "prod",
          correlation_id: "order-1",
          params: { max_new_tokens: 5, temperature: 0.5 },
          truncated: false,
          error_type: null
        })
        assert.deepInclude(answer.telemetry, {
          ...MODEL,
          prompt_tokens: 11,
          response_tokens: 7,
          provider_request_id: "req_fake"
        })
        assert.isAtLeast(answer.telemetry.latency_ms, 0)
        assert.deepInclude(provider.calls[0]!.body, { max_completion_tokens: 5, temperature: 0.5 })
      })
    )

    it.effect("is spelled with a slash too", () =>
      Effect.gen(function* () {
        const { full } = yield* prompts()
        const ran = yield* call("POST", "/v1/executions/run", { body: body(full) })
        assert.deepInclude(ran.body, { status: "succeeded", mode: "sync" })
        const submitted = yield* call("POST", "/v1/executions/submit", { body: body(full) })
        assert.strictEqual(submitted.status, 202)
        assert.strictEqual(submitted.body.mode, "async")
      })
    )

    it.effect("says whose fault a failure is, and which execution it was", () =>
      Effect.gen(function* () {
        for (const [behaviour, status, code, error_type] of [
          [fails(500, "boom"), 502, "ProviderFailed", "provider_server_error"],
          [fails(400, "bad"), 502, "ProviderFailed", "provider_rejected"],
          [fails(401, "who"), 502, "ProviderFailed", "provider_rejected"],
          [fails(429, "slow", { "retry-after": "9" }), 429, "ProviderRateLimited", "provider_rate_limited"],
          [fails(429, "slow"), 429, "ProviderRateLimited", "provider_rate_limited"],
          [
            fails(429, "slow", { "retry-after": "9".repeat(200) }),
            429,
            "ProviderRateLimited",
            "provider_rate_limited"
          ]
        ] as const) {
          const { full, provider } = yield* prompts()
          provider.behave(behaviour)
          const failed = yield* run(full)
          assert.strictEqual(failed.status, status)
          assert.deepInclude(failed.body, { code, status, error_type })
          const row = yield* call("GET", `/v1/executions/${failed.body.execution_id}`)
          assert.deepInclude(row.body, { status: "failed", error_type, mode: "sync" })
          if (status === 429) {
            assert.isAtMost(failed.body.retry_after, 24 * 60 * 60)
            assert.strictEqual(failed.headers.get("retry-after"), String(failed.body.retry_after))
          }
        }
      })
    )
  })

  describe("POST /v1/executions:submit", () => {
    it.effect("answers 202 with the place where the result will be, and the poll waits for it", () =>
      Effect.gen(function* () {
        const { full } = yield* prompts()
        const { status, headers, body: accepted } = yield* submit(full)
        assert.strictEqual(status, 202)
        assert.deepStrictEqual(accepted, {
          execution_id: accepted.execution_id,
          status: "queued",
          mode: "async"
        })
        assert.strictEqual(headers.get("location"), `/v1/executions/${accepted.execution_id}`)
        const { body: ended } = yield* call("GET", `${headers.get("location")}?wait=30`)
        assert.deepInclude(ended, { status: "succeeded", mode: "async", response_text: "Hi" })
      })
    )

    it.effect("runs the version that is asked for", () =>
      Effect.gen(function* () {
        const { full, provider } = yield* prompts("one {{ name }}")
        yield* call("PUT", `/v1/prompts/${full}`, { body: { template_source: "two {{ name }}" } })
        const { headers } = yield* submit(full, { version_number: 1 })
        const { body: ended } = yield* call("GET", `${headers.get("location")}?wait=30`)
        assert.deepInclude(ended, { status: "succeeded", version_number: 1 })
        assert.deepStrictEqual(provider.calls[0]!.body["messages"], [{ role: "user", content: "one Ada" }])
      })
    )
  })

  describe("POST /v1/prompts/{name}/execute", () => {
    it.effect("runs a code prompt, now by default", () =>
      Effect.gen(function* () {
        const { tracking } = yield* prompts()
        const { status, body: answer } = yield* execute(tracking, { model_name: "gpt-4.1" })
        assert.strictEqual(status, 200)
        assert.deepInclude(answer, {
          prompt_name: tracking,
          prompt_mode: "tracking",
          version_used: 1,
          status: "succeeded",
          mode: "sync",
          response_text: "Hi"
        })
        assert.deepInclude(answer.telemetry, { provider: "openai", model_name: "gpt-4.1" })
      })
    )

    it.effect("runs it later when told to, and any version", () =>
      Effect.gen(function* () {
        const { tracking } = yield* prompts("one {{ name }}")
        yield* call("POST", "/v1/prompts/register-code", {
          body: { prompts: [{ name: tracking, template_source: "two {{ name }}" }] }
        })
        const { status, headers, body: accepted } = yield* execute(tracking, { mode: "async", version: 1 })
        assert.strictEqual(status, 202)
        assert.deepInclude(accepted, {
          prompt_name: tracking,
          prompt_mode: "tracking",
          version_used: 1,
          status: "queued",
          mode: "async"
        })
        const { body: ended } = yield* call("GET", `${headers.get("location")}?wait=30`)
        assert.deepInclude(ended, { status: "succeeded", version_number: 1 })
      })
    )

    it.effect("takes a model whole, or by its name, not both", () =>
      Effect.gen(function* () {
        const { tracking } = yield* prompts()
        const { body: answer } = yield* execute(tracking, { model: { provider: "echo", model_name: "echo" } })
        assert.strictEqual(answer.response_text, "[echo] Hello Ada")
        const refused = yield* execute(tracking, { model: MODEL, model_name: "gpt-4.1" })
        assert.strictEqual(refused.status, 400)
        assert.deepStrictEqual(refused.body.errors, [
          { path: ["payload", "model_name"], message: "Expected either model or model_name" }
        ])
      })
    )
  })

  describe("Idempotency-Key", () => {
    it.effect("gives the same execution back, and says so", () =>
      Effect.gen(function* () {
        for (const [start, prompt] of [
          [run, "full"],
          [submit, "full"],
          [execute, "tracking"]
        ] as const) {
          const { provider, ...names } = yield* prompts()
          const key = { "idempotency-key": "key 1" }
          const first = yield* start(names[prompt], {}, key)
          yield* call("GET", `/v1/executions/${first.body.execution_id}?wait=30`)
          const again = yield* start(names[prompt], {}, key)
          assert.strictEqual(again.status, first.status)
          assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
          assert.strictEqual(again.body.execution_id, first.body.execution_id)
          assert.strictEqual(again.body.status, "succeeded")
          assert.lengthOf(provider.calls, 1)
        }
      })
    )

    it.effect("may stand in the body, and means the same", () =>
      Effect.gen(function* () {
        const { full } = yield* prompts()
        const first = yield* run(full, { idempotency_key: "k" })
        const again = yield* run(full, {}, { "idempotency-key": "k" })
        assert.strictEqual(again.body.execution_id, first.body.execution_id)
        assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
        const both = yield* run(full, { idempotency_key: "other" }, { "idempotency-key": "k" })
        assert.strictEqual(both.status, 400)
        assert.deepStrictEqual(both.body.errors[0].path, ["payload", "idempotency_key"])
      })
    )

    it.effect("stands once: two are not another key", () =>
      Effect.gen(function* () {
        const { full, provider } = yield* prompts()
        const content = JSON.stringify(body(full))
        const head = [
          "POST /v1/executions:run HTTP/1.1",
          "Host: x",
          `X-API-Key: ${KEY}`,
          "Content-Type: application/json",
          `Content-Length: ${content.length}`,
          "Idempotency-Key: k",
          "Idempotency-Key: k",
          "Connection: close"
        ]
        const answer = yield* raw(`${head.join("\r\n")}\r\n\r\n${content}`)
        assert.include(answer, "HTTP/1.1 400")
        assert.include(answer, "headers.idempotency-key: Expected it once")
        assert.lengthOf(provider.calls, 0)
        assert.strictEqual((yield* run(full, {}, { "idempotency-key": "a, b" })).status, 200)
      })
    )

    it.effect("is refused for another request", () =>
      Effect.gen(function* () {
        const { full } = yield* prompts()
        const first = yield* run(full, { idempotency_key: "k" })
        const other = yield* run(full, { idempotency_key: "k", environment: "prod" })
        assert.strictEqual(other.status, 422)
        assert.deepInclude(other.body, {
          code: "IdempotencyKeyReused",
          idempotency_key: "k",
          execution_id: first.body.execution_id
        })
      })
    )
  })

  describe("GET /v1/executions", () => {
    it.effect("finds by prompt, version, status, environment, correlation id and time", () =>
      Effect.gen(function* () {
        const { full } = yield* prompts()
        const { body: first } = yield* run(full, { correlation_id: `c-${full}` })
        yield* call("PUT", `/v1/prompts/${full}`, { body: { template_source: "two {{ name }}" } })
        const { body: second } = yield* run(full, { environment: "prod" })
        const ids = Effect.fnUntraced(function* (query: string) {
          const { body: page } = yield* call("GET", `/v1/executions?${query}`)
          return page.executions.map(({ execution_id }: { execution_id: string }) => execution_id)
        })
        assert.deepStrictEqual(yield* ids(`prompt_name=${full}`), [second.execution_id, first.execution_id])
        assert.deepStrictEqual(yield* ids(`prompt_name=${full}&version_number=1`), [first.execution_id])
        assert.deepStrictEqual(yield* ids(`prompt_name=${full}&environment=prod`), [second.execution_id])
        assert.deepStrictEqual(yield* ids(`prompt_name=${full}&status=failed`), [])
        assert.lengthOf(yield* ids(`prompt_name=${full}&status=succeeded`), 2)
        assert.deepStrictEqual(yield* ids(`correlation_id=c-${full}`), [first.execution_id])
        assert.lengthOf(yield* ids(`prompt_name=${full}&from=${first.created_at}`), 2)
        assert.deepStrictEqual(yield* ids(`prompt_name=${full}&to=${first.created_at}`), [])
        assert.deepStrictEqual(yield* ids(`prompt_name=${newName()}`), [])
        const alone = yield* call("GET", "/v1/executions?version_number=1")
        assert.strictEqual(alone.status, 400)
        assert.deepStrictEqual(alone.body.errors[0].path, ["query", "version_number"])
      })
    )

    it.effect("pages through, newest first, without a gap and without a double", () =>
      Effect.gen(function* () {
        const { full } = yield* prompts()
        const made: Array<string> = []
        for (let index = 0; index < 7; index++) made.push((yield* run(full)).body.execution_id)
        const pages = yield* pagesOf(`/v1/executions?prompt_name=${full}&limit=3`, "executions")
        const seen = pages.flat().map(({ execution_id }) => execution_id)
        assert.deepStrictEqual(seen, made.toReversed())
      })
    )
  })

  describe("GET /v1/executions/{id}/lineage", () => {
    it.effect("answers with the whole lineage in one call", () =>
      Effect.gen(function* () {
        const { full, provider } = yield* prompts()
        provider.behave(fails(503, "down"))
        const { body: failed } = yield* run(full, { params: { seed: 4 } })
        const { status, body: lineage } = yield* call("GET", `/v1/executions/${failed.execution_id}/lineage`)
        assert.strictEqual(status, 200)
        assert.hasAllKeys(lineage, ["execution", "attempts", "version", "prompt", "model", "variables"])
        assert.deepInclude(lineage.execution, { status: "failed", params: { seed: 4 }, response: null })
        assert.deepInclude(lineage.execution.rendered_prompt, { text: "Hello Ada", bytes: 9 })
        assert.deepInclude(lineage.attempts[0], {
          attempt_number: 1,
          outcome: "retryable",
          http_status: 503,
          error_type: "provider_server_error"
        })
        assert.deepInclude(lineage.version, { version_number: 1, template_source: "Hello {{ name }}" })
        assert.deepInclude(lineage.prompt, { name: full, mode: "full" })
        assert.deepInclude(lineage.model, MODEL)
        assert.deepStrictEqual(lineage.variables, { name: "Ada" })
      })
    )
  })

  describe("POST /v1/executions/{id}:cancel", () => {
    it.effect("ends what waits, and refuses what has ended", () =>
      Effect.gen(function* () {
        const { full, provider } = yield* prompts()
        provider.behave(fails(500))
        const { body: accepted } = yield* submit(full)
        yield* until(
          Effect.map(
            call("GET", `/v1/executions/${accepted.execution_id}`),
            ({ body: current }) => current.status === "queued" && current.attempts === 1
          )
        )
        const canceled = yield* call("POST", `/v1/executions/${accepted.execution_id}:cancel`)
        assert.strictEqual(canceled.status, 200)
        assert.deepInclude(canceled.body, { execution_id: accepted.execution_id, status: "canceled" })
        const again = yield* call("POST", `/v1/executions/${accepted.execution_id}:cancel`)
        assert.strictEqual(again.status, 409)
        assert.deepInclude(again.body, {
          code: "ExecutionEnded",
          execution_id: accepted.execution_id,
          execution_status: "canceled"
        })
      })
    )
  })

  describe("GET /v1/analytics/prompts", () => {
    it.effect("counts both modes, or the one that is asked for", () =>
      Effect.gen(function* () {
        const { full, tracking, provider } = yield* prompts()
        yield* run(full)
        yield* execute(tracking)
        yield* execute(tracking)
        provider.behave(fails(400))
        yield* run(full, { environment: "prod" })
        const of = (query: string) => call("GET", `/v1/analytics/prompts?${query}`)
        const { body: fullOnly } = yield* of(`prompt_name=${full}`)
        assert.deepInclude(fullOnly.summary, {
          total_executions: 2,
          succeeded: 1,
          failed: 1,
          full_mode_prompts: 1,
          tracking_mode_prompts: 0,
          prompt_tokens: 11,
          response_tokens: 7
        })
        const { body: trackingOnly } = yield* of(`prompt_name=${tracking}&mode=tracking`)
        assert.hasAllKeys(trackingOnly.by_mode, ["tracking"])
        assert.deepInclude(trackingOnly.by_mode.tracking, {
          prompt_count: 1,
          execution_count: 2,
          succeeded: 2,
          failed: 0,
          prompt_tokens: 22,
          response_tokens: 14
        })
        assert.isNumber(trackingOnly.by_mode.tracking.avg_latency_ms)
        const { body: prod } = yield* of(`prompt_name=${full}&environment=prod`)
        assert.deepInclude(prod.by_mode.full, { execution_count: 1, failed: 1 })
        const { body: all } = yield* of("mode=all")
        assert.hasAllKeys(all.by_mode, ["full", "tracking"])
        assert.isAtLeast(all.summary.total_executions, 4)
      })
    )
  })

  describe("GET /v1/models", () => {
    it.effect("lists the known models, and those that were used", () =>
      Effect.gen(function* () {
        const { tracking } = yield* prompts()
        yield* execute(tracking, { model_name: "my-own-model" })
        const assertKnown = Effect.gen(function* () {
          const { status, body: answer } = yield* call("GET", "/v1/models")
          assert.strictEqual(status, 200)
          const names = answer.models.map(
            ({ provider, model_name }: Record<string, string>) => `${provider}/${model_name}`
          )
          assert.includeMembers(names, ["echo/echo", "openai/gpt-4o-mini", "openai/my-own-model"])
          const pages = yield* pagesOf("/v1/models?limit=2", "models")
          assert.deepStrictEqual(pages.flat(), answer.models)
          assert.isAbove(pages.length, 1)
        })
        yield* assertKnown
        yield* Rollups.use(({ fold }) => fold)
        yield* assertKnown
      })
    )
  })
})
