import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { OpenApi } from "effect/http-api"
import { ExecutionId } from "../../src/domain/Ids.ts"
import { PromptName } from "../../src/domain/Prompt.ts"
import { Api } from "../../src/http/api/Api.ts"
import { cursorOf } from "../../src/http/api/Cursor.ts"

/** Design section 8, row by row. */
const CALLS = [
  "PUT /v1/prompts/{name}",
  "GET /v1/prompts/{name}",
  "GET /v1/prompts",
  "GET /v1/prompts/{name}/versions",
  "GET /v1/prompts/{name}/versions/{version_number}",
  "POST /v1/prompts/{name}/versions/{version_number}:activate",
  "POST /v1/executions:run",
  "POST /v1/executions:submit",
  "GET /v1/executions/{execution_id}",
  "GET /v1/executions",
  "GET /v1/executions/{execution_id}/lineage",
  "POST /v1/executions/{execution_id}:cancel",
  "POST /v1/prompts/register-code",
  "POST /v1/prompts/{name}/execute",
  "GET /v1/prompts/{name}/history",
  "GET /v1/analytics/prompts",
  "GET /v1/prompts/{name}/analytics",
  "GET /v1/models",
  "GET /v1/projects",
  "POST /v1/projects",
  "GET /v1/projects/{project_id}/keys",
  "POST /v1/projects/{project_id}/keys",
  "DELETE /v1/keys/{key_id}",
  "GET /health",
  "GET /ready",
  "GET /metrics"
]

interface Operation {
  readonly summary?: string
  readonly security: ReadonlyArray<object>
  readonly responses: Record<string, { readonly content?: Record<string, unknown> }>
}

const document = OpenApi.fromApi(Api)
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods as Record<string, Operation>).map(
    ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const
  )
)

describe("the OpenAPI document", () => {
  it("has every call of the design and no other", () => {
    assert.strictEqual(document.openapi.split(".").slice(0, 2).join("."), "3.1")
    assert.sameMembers(
      operations.map(([name]) => name),
      CALLS
    )
  })

  it("says of each call what it does, what it needs and how it fails", () => {
    for (const [name, { summary, security, responses }] of operations) {
      assert.isNotEmpty(summary, name)
      const open = ["GET /health", "GET /ready", "GET /metrics"].includes(name)
      assert.deepStrictEqual(security, open ? [] : [{ api_key: [] }], name)
      for (const [status, { content = {} }] of Object.entries(responses)) {
        if (Number(status) < 400 || (open && status === "503")) continue
        assert.hasAllKeys(content, ["application/problem+json"], `${name} ${status}`)
      }
    }
  })
})

describe("a cursor", () => {
  it.effect.prop(
    "leads back to the place that it was made of",
    { created_at: Schema.Date, execution_id: ExecutionId, name: PromptName },
    Effect.fnUntraced(function* ({ created_at, execution_id, name }) {
      const position = { created_at, execution_id }
      for (const [cursor, place] of [
        [cursorOf(Schema.Struct({ created_at: Schema.Date, execution_id: ExecutionId })), position],
        [cursorOf(PromptName), name]
      ] as const) {
        const codec = cursor as Schema.Codec<unknown, string>
        const text = yield* Schema.encodeEffect(codec)(place)
        assert.match(text, /^[A-Za-z0-9_-]+$/)
        assert.deepStrictEqual(yield* Schema.decodeEffect(codec)(text), place)
      }
    })
  )
})
