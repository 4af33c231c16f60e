import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { ExecutionId } from "../../src/domain/Ids.ts"
import { PromptName } from "../../src/domain/Prompt.ts"
import { cursorOf } from "../../src/http/api/Cursor.ts"
import { components, document, documented } from "../support/openApi.ts"

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

/** Every schema of an object that a value holds, by where it is. */
const objectsIn = (value: unknown, at = "#"): ReadonlyArray<readonly [string, any]> =>
  typeof value !== "object" || value === null
    ? []
    : [
        ...("properties" in value && "type" in value && value.type === "object"
          ? [[at, value] as const]
          : []),
        ...Object.entries(value).flatMap(([key, inner]) => objectsIn(inner, `${at}/${key}`))
      ]

const nameIn = (ref: string) => ref.slice(ref.lastIndexOf("/") + 1)
const parameter = (operation: string, named: string) =>
  documented.get(operation)!.parameters.find(({ name }) => name === named)!.schema
const property = (schema: string, name: string) => {
  const { description: _, ...said } = (components.schemas[schema] as any).properties[name]
  return said
}

describe("the OpenAPI document", () => {
  it("has every call of the design and no other", () => {
    assert.strictEqual(document.openapi.split(".").slice(0, 2).join("."), "3.1")
    assert.sameMembers([...documented.keys()], CALLS)
  })

  it("says of each call what it does, what it needs and how it fails", () => {
    for (const [name, { summary, description, security, responses }] of documented) {
      assert.isNotEmpty(summary, name)
      assert.isNotEmpty(description, name)
      const open = ["GET /health", "GET /ready", "GET /metrics"].includes(name)
      assert.deepStrictEqual(security, open ? [] : [{ api_key: [] }], name)
      for (const [status, { content = {} }] of Object.entries(responses)) {
        if (Number(status) < 400 || (open && status === "503")) continue
        assert.hasAllKeys(content, ["application/problem+json"], `${name} ${status}`)
      }
    }
  })

  it("describes every schema, property, parameter and header", () => {
    for (const [name, { description }] of Object.entries(components.schemas)) {
      assert.isString(description, name)
    }
    const objects = objectsIn(document)
    assert.isAbove(objects.length, 60)
    for (const [at, { properties }] of objects) {
      for (const [name, said] of Object.entries<any>(properties)) {
        const { description } = said.$ref === undefined ? said : components.schemas[nameIn(said.$ref)]!
        assert.isString(description, `${at} ${name}`)
        assert.match(description, /^\P{Ll}.*\.$/su, `${at} ${name}`)
      }
    }
    for (const [operation, { parameters }] of documented) {
      for (const { name, description } of parameters) assert.isNotEmpty(description, `${operation} ${name}`)
    }
    for (const [name, { description }] of Object.entries(components.headers)) {
      assert.isNotEmpty(description, name)
    }
  })

  it("gives texts their constraints", () => {
    const [run, execute] = ["POST /v1/executions:run", "POST /v1/prompts/{name}/execute"]
    const name = { type: "string", pattern: "^[A-Za-z0-9_.\\-/]{1,255}$" }
    assert.deepStrictEqual(parameter("GET /v1/prompts/{name}", "name"), name)
    assert.deepStrictEqual(property("RunPrompt", "prompt_name"), name)
    const environment = { type: "string", pattern: "^[A-Za-z0-9_.-]{1,64}$" }
    assert.deepStrictEqual(property("RunPrompt", "environment"), { ...environment, default: "dev" })
    assert.deepStrictEqual(parameter("GET /v1/executions", "environment"), environment)
    const key = { type: "string", pattern: "^[\\x20-\\x7e]{1,255}$" }
    assert.deepStrictEqual(property("ExecutePrompt", "idempotency_key"), key)
    for (const operation of [run, execute]) {
      assert.deepStrictEqual(parameter(operation, "idempotency-key"), key)
    }
    const hash = { type: "string", pattern: "^[0-9a-f]{64}$" }
    assert.deepStrictEqual(property("PromptVersion", "checksum_hash"), hash)
    const { template_hash } = (components.schemas["RegisterCode"] as any).properties.prompts.items.properties
    assert.strictEqual(template_hash.pattern, hash.pattern)
    const text = { type: "string", minLength: 1, maxLength: 2_000 }
    assert.deepStrictEqual(property("UpsertPrompt", "description"), text)
    assert.deepStrictEqual(property("UpsertPrompt", "template_source"), {
      type: "string",
      maxLength: 204_800
    })
    assert.deepStrictEqual(property("CreateProject", "name"), {
      type: "string",
      pattern: "^[A-Za-z0-9_.-]{1,100}$"
    })
  })

  it("gives times their format", () => {
    const time = { type: "string", format: "date-time" }
    assert.deepStrictEqual(property("Prompt", "created_at"), time)
    assert.deepStrictEqual(property("Attempt", "completed_at"), { anyOf: [{ type: "null" }, time] })
    for (const at of [parameter("GET /v1/executions", "from"), property("CreateKey", "expires_at")]) {
      assert.deepInclude(at, time)
      assert.property(at, "pattern")
    }
  })

  it("gives numbers in addresses and headers as numbers", () => {
    const [limit, wait, number] = [
      { type: "integer", minimum: 1, maximum: 200, default: 50 },
      { type: "number", minimum: 0, maximum: 30, default: 0 },
      { type: "integer", minimum: 1, maximum: 2_147_483_647 }
    ]
    for (const [operation, { parameters }] of documented) {
      if (!parameters.some(({ name }) => name === "limit")) continue
      // A default would be filled in by tools, and analytics refuse a limit without groups.
      const { default: _, ...refusable } = limit as Record<string, unknown>
      const expected = operation === "GET /v1/analytics/prompts" ? refusable : limit
      assert.deepStrictEqual(parameter(operation, "limit"), expected)
    }
    assert.deepStrictEqual(parameter("GET /v1/executions/{execution_id}", "wait"), wait)
    assert.deepStrictEqual(parameter("GET /v1/executions", "version_number"), number)
    assert.deepStrictEqual(
      parameter("GET /v1/prompts/{name}/versions/{version_number}", "version_number"),
      number
    )
    for (const [name, { responses }] of documented) {
      for (const status of ["429", "503"].filter((code) => code in responses)) {
        const { schema = components.headers["retry-after"]!.schema } =
          responses[status]!.headers["retry-after"]!
        assert.deepInclude(schema, { type: "integer", minimum: 1 }, `${name} ${status}`)
      }
    }
  })

  it("calls problems by their codes, and requires what all of them have", () => {
    const problems = Object.entries<any>(components.schemas).filter(([, { properties }]) => properties?.title)
    assert.isAbove(problems.length, 25)
    for (const [name, { properties, required }] of problems) {
      assert.deepStrictEqual(properties.code.enum, [name])
      assert.includeMembers(required, ["type", "status", "title", "detail", "code", "request_id"], name)
    }
    assert.notInclude(JSON.stringify(document), "Encoded")
  })

  it("refers to nothing that it does not have", () => {
    for (const [, ref] of JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)) {
      const found = ref!
        .slice(1)
        .split("/")
        .reduce((value: any, key) => value?.[key], document)
      assert.isDefined(found, ref)
    }
  })

  it("has the headers of every response", () => {
    for (const [name, { security, responses }] of documented) {
      for (const [status, { headers }] of Object.entries(responses)) {
        const limited = security.length > 0 && status !== "401"
        assert.containsAllKeys(
          headers,
          ["x-request-id", "cache-control", ...(limited ? ["ratelimit", "ratelimit-policy"] : [])],
          `${name} ${status}`
        )
      }
    }
    const { headers, content } = components.responses["MethodNotAllowed"]!
    assert.containsAllKeys(headers, ["allow", "x-request-id", "cache-control"])
    assert.deepStrictEqual(content!["application/problem+json"]!.schema, {
      $ref: "#/components/schemas/MethodNotAllowed"
    })
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
