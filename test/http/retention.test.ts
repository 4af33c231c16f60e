import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer, Option } from "effect"
import { FetchHttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { ExecutionId } from "../../src/domain/Ids.ts"
import { Api } from "../../src/http/api/Api.ts"
import { Authorization } from "../../src/http/api/Authorization.ts"
import { RetentionStore } from "../../src/services/RetentionStore.ts"
import { RollupStore } from "../../src/services/RollupStore.ts"
import { apiLayer, call, Caller, KEY } from "../support/api.ts"
import { fails, says } from "../support/fakeOpenAi.ts"
import { newName } from "../support/ledger.ts"
import { Provider, until } from "../support/service.ts"

const MODEL = { provider: "openai", model_name: "gpt-4o-mini" }
const variables = { name: "Ada" }
const template_source = "Hello {{ name }}"

const dropped = (drop: "dropBodies" | "dropExecutions", count: number) =>
  Effect.gen(function* () {
    const store = yield* RetentionStore
    let total = 0
    yield* until(
      Effect.gen(function* () {
        yield* RollupStore.use(({ fold }) => fold(100))
        total += Option.getOrThrow(yield* store[drop](Duration.zero, 100))
        return total >= count
      })
    )
    assert.strictEqual(total, count)
  })

const withKey = HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
  next(HttpClientRequest.setHeader(request, "x-api-key", KEY))
)

layer(apiLayer.pipe(Layer.provideMerge(Layer.mergeAll(FetchHttpClient.layer, withKey))), {
  timeout: "60 seconds",
  excludeTestServices: true
})("what retention dropped, over HTTP", (it) => {
  it.effect(
    "is told plainly by every answer, and no key makes it run again while the execution is there",
    () =>
      Effect.gen(function* () {
        const provider = yield* Provider
        const [full, tracking] = [newName(), newName()]
        yield* call("PUT", `/v1/prompts/${full}`, { body: { template_source } })
        const prompts = [{ name: tracking, template_source }]
        yield* call("POST", "/v1/prompts/register-code", { body: { prompts } })
        const run = (key: string) =>
          call("POST", "/v1/executions:run", {
            body: { prompt_name: full, variables, model: MODEL },
            headers: { "idempotency-key": key }
          })
        const execute = call("POST", `/v1/prompts/${tracking}/execute`, {
          body: { variables },
          headers: { "idempotency-key": "code" }
        })
        provider.behave([says("Hi Ada"), fails(400, "not this one"), says("Hi code")])
        const { body: ran } = yield* run("well")
        const { body: failed } = yield* run("ill")
        const { body: executed } = yield* execute
        assert.deepInclude(ran, { response_text: "Hi Ada", bodies_dropped_at: null })
        assert.isNull(executed.bodies_dropped_at)
        const figures = call("GET", "/v1/analytics/prompts")
        const { body: before } = yield* figures
        yield* dropped("dropBodies", 3)

        const got = yield* call("GET", `/v1/executions/${ran.execution_id}`)
        assert.strictEqual(got.status, 200)
        assert.deepInclude(got.body, { status: "succeeded", response_text: null, truncated: false })
        assert.isString(got.body.bodies_dropped_at)
        const { body: list } = yield* call("GET", `/v1/executions?prompt_name=${full}`)
        assert.lengthOf(list.executions, 2)
        for (const execution of list.executions) {
          assert.isString(execution.bodies_dropped_at)
          assert.isNull(execution.error_message)
        }
        const lineage = yield* call("GET", `/v1/executions/${ran.execution_id}/lineage`)
        assert.strictEqual(lineage.status, 200)
        assert.isNull(lineage.body.variables)
        assert.deepInclude(lineage.body.version, { version_number: 1, template_source })
        assert.deepInclude(lineage.body.execution.rendered_prompt, { text: null, bytes: 9 })
        assert.match(lineage.body.execution.rendered_prompt.sha256, /^[0-9a-f]{64}$/)
        assert.deepInclude(lineage.body.execution.response, { text: null, bytes: 6 })
        const ill = yield* call("GET", `/v1/executions/${failed.execution_id}/lineage`)
        assert.deepInclude(ill.body.attempts[0], { error_type: "provider_rejected", error_message: null })

        for (const again of [yield* run("well"), yield* run("ill"), yield* execute]) {
          assert.strictEqual(again.status, 200)
          assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
          assert.isString(again.body.bodies_dropped_at)
          assert.isNull(again.body.response_text)
        }
        const ended = yield* call("POST", `/v1/executions/${ran.execution_id}:cancel`)
        assert.strictEqual(ended.status, 409)
        assert.lengthOf(provider.calls, 3)
        assert.deepStrictEqual((yield* figures).body, before)

        const client = yield* Effect.flatMap(Caller, ({ url }) => HttpApiClient.make(Api, { baseUrl: url }))
        const execution_id = ExecutionId.make(ran.execution_id)
        const read = yield* client.executions.lineage({ params: { execution_id } })
        assert.instanceOf(read.execution.bodies_dropped_at, Date)

        yield* dropped("dropExecutions", 3)
        for (const path of ["", "/lineage"]) {
          const gone = yield* call("GET", `/v1/executions/${ran.execution_id}${path}`)
          assert.strictEqual(gone.status, 404)
          assert.strictEqual(gone.body.code, "ExecutionNotFound")
        }
        assert.deepStrictEqual((yield* call("GET", `/v1/executions?prompt_name=${full}`)).body.executions, [])
        assert.deepStrictEqual((yield* figures).body, before)
        const { body: history } = yield* call("GET", `/v1/prompts/${full}/history`)
        assert.strictEqual(history.versions[0].execution_count, 2)
      })
  )
})
