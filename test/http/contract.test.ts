import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware, OpenApi } from "effect/http-api"
import { Api } from "../../src/http/api/Api.ts"
import { Authorization } from "../../src/http/api/Authorization.ts"
import { apiLayer, call, Caller, KEY } from "../support/api.ts"
import { newName } from "../support/ledger.ts"

const document = OpenApi.fromApi(Api)

const withKey = HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
  next(HttpClientRequest.setHeader(request, "x-api-key", KEY))
)

layer(apiLayer.pipe(Layer.provideMerge(Layer.mergeAll(FetchHttpClient.layer, withKey))), {
  timeout: "60 seconds",
  excludeTestServices: true
})("the contract", (it) => {
  const client = Effect.flatMap(Caller, ({ url }) => HttpApiClient.make(Api, { baseUrl: url }))

  it.effect("is served as OpenAPI, and as pages to read", () =>
    Effect.gen(function* () {
      const { status, body } = yield* call("GET", "/openapi.json")
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(body, JSON.parse(JSON.stringify(document)))
      const docs = yield* call("GET", "/docs")
      assert.include(docs.headers.get("content-type"), "text/html")
      assert.include(docs.body, "PromptLedger")
    })
  )

  it.effect("makes a typed client that reads every answer", () =>
    Effect.gen(function* () {
      const { prompts, executions, analytics, models, health, ready } = yield* client
      const [full, tracking] = [newName(), newName()]
      const model = { provider: "echo", model_name: "echo" } as const
      const variables = { name: "Ada" }
      const template_source = "Hello {{ name }}"

      const { version } = yield* prompts.upsert({ params: { name: full }, payload: { template_source } })
      yield* prompts.registerCode({ payload: { prompts: [{ name: tracking, template_source }] } })
      const [{ body: ran }, { body: submitted, headers }] = yield* Effect.all([
        executions.run({ params: {}, headers: {}, payload: { prompt_name: full, variables, model } }),
        executions.submit({ params: {}, headers: {}, payload: { prompt_name: full, variables, model } })
      ])
      assert.strictEqual(ran.response_text, "[echo] Hello Ada")
      assert.strictEqual(headers.location, `/v1/executions/${submitted.execution_id}`)
      const { execution_id } = submitted
      const ended = yield* executions.get({ params: { execution_id }, query: { wait: 30 } })
      assert.strictEqual(ended.status, "succeeded")
      const { body: executed } = yield* executions.execute({
        params: { name: tracking },
        headers: {},
        payload: { variables, model }
      })
      assert.strictEqual(executed.status, "succeeded")
      const { body: later } = yield* executions.execute({
        params: { name: tracking },
        headers: {},
        payload: { variables, model, mode: "async" }
      })
      assert.strictEqual(later.mode, "async")

      const lineage = yield* executions.lineage({ params: { execution_id } })
      assert.strictEqual(lineage.version.version_id, version.version_id)
      const listed = yield* executions.list({ query: { prompt_name: full, limit: 1 } })
      const rest = yield* executions.list({ query: { prompt_name: full, cursor: listed.next_cursor! } })
      assert.lengthOf([...listed.executions, ...rest.executions], 2)
      const ended409 = yield* Effect.flip(executions.cancel({ params: { execution_id } }))
      assert(ended409._tag === "ExecutionEnded")

      const params = { name: full }
      assert.strictEqual((yield* prompts.get({ params })).active_version?.version_number, 1)
      assert.lengthOf((yield* prompts.list({ query: { search: full } })).prompts, 1)
      assert.lengthOf((yield* prompts.versions({ params, query: {} })).versions, 1)
      assert.strictEqual((yield* prompts.history({ params, query: {} })).versions[0]!.execution_count, 2)
      const one = { params: { ...params, version_number: 1 } }
      assert.strictEqual((yield* prompts.version(one)).template_source, template_source)
      assert.strictEqual((yield* prompts.activate(one)).active_version?.version_number, 1)

      const { summary } = yield* analytics.prompts({ query: {} })
      assert.isAtLeast(summary.total_executions, 4)
      assert.isNotEmpty((yield* models.list({ query: {} })).models)
      assert.deepStrictEqual(yield* health(), { status: "ok" })
      assert.deepStrictEqual(yield* ready(), { status: "ready", parts: { database: "ok", queue: "ok" } })
    })
  )

  it.effect("gives a typed client the problem as an error", () =>
    Effect.gen(function* () {
      const { prompts, executions } = yield* client
      const name = newName()
      const missing = yield* Effect.flip(prompts.get({ params: { name } }))
      assert(missing._tag === "PromptNotFound")
      assert.strictEqual(missing.name, name)
      yield* prompts.upsert({ params: { name }, payload: { template_source: "{{ a }}{{ b }}" } })
      const undefinedOnes = yield* Effect.flip(
        executions.run({
          params: {},
          headers: {},
          payload: { prompt_name: name, variables: {}, model: { provider: "echo", model_name: "echo" } }
        })
      )
      assert(undefinedOnes._tag === "UndefinedVariable")
      assert.deepStrictEqual(undefinedOnes.variables, ["a", "b"])
    })
  )
})
