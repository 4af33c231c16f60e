import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { apiOver, call } from "../support/api.ts"

const service = PromptLedger.layerMemory({ settings: { rate_limit: 1 } })

layer(apiOver(service), { timeout: "60 seconds", excludeTestServices: true })("throttling", (it) => {
  it.effect("slow down an address that tries invalid keys, and not who has a valid one", () =>
    Effect.gen(function* () {
      const tried = (key: string) => call("GET", "/v1/prompts", { headers: { "x-api-key": key } })
      for (let tries = 0; tries < 20; tries++) {
        assert.strictEqual((yield* tried(`wrong ${tries}`)).status, 401)
      }
      const { status, headers, body } = yield* tried("wrong again")
      assert.strictEqual(status, 429)
      assert.strictEqual(headers.get("retry-after"), "60")
      assert.deepInclude(body, { code: "TooManyRequests", retry_after: 60 })
      assert.strictEqual((yield* call("GET", "/v1/prompts")).status, 200)
    })
  )

  it.effect("tell a key what it has left, and refuse it when that is nothing", () =>
    Effect.gen(function* () {
      const { body: project } = yield* call("GET", "/v1/projects")
      const { body: issued } = yield* call("POST", `/v1/projects/${project.projects[0].project_id}/keys`, {
        body: { name: "busy", scopes: ["prompts:read"] }
      })
      const asks = (path: string) => call("GET", path, { headers: { "x-api-key": issued.key } })
      const first = yield* asks("/v1/prompts/nothing")
      assert.strictEqual(first.status, 404)
      assert.strictEqual(first.headers.get("ratelimit-policy"), '"key";q=10;w=10')
      assert.match(first.headers.get("ratelimit")!, /^"key";r=9;t=1$/)
      const answers = yield* Effect.forEach(Array.from({ length: 15 }), () => asks("/v1/prompts"))
      const refused = answers.find(({ status }) => status === 429)!
      assert.deepInclude(refused.body, { code: "TooManyRequests", retry_after: 1 })
      assert.strictEqual(refused.headers.get("retry-after"), "1")
      assert.match(refused.headers.get("ratelimit")!, /^"key";r=0;t=1$/)
      assert.strictEqual((yield* call("GET", "/health")).status, 200)
    })
  )
})
