import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Database } from "../../src/layers/postgres/Database.ts"
import { apiLayer, call, KEY, Logs } from "../support/api.ts"
import type { Answer } from "../support/api.ts"
import { newName } from "../support/ledger.ts"
import { raw } from "../support/raw.ts"

const MODEL = { provider: "echo", model_name: "echo" }
const BACKWARDS = "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z"

const put = (name: string, template_source: string, more: object = {}) =>
  call("PUT", `/v1/prompts/${name}`, { body: { template_source, ...more } })
const registerCode = (name: string, template_source: string) =>
  call("POST", "/v1/prompts/register-code", { body: { prompts: [{ name, template_source }] } })
const run = (prompt_name: string, more: object = {}) =>
  call("POST", "/v1/executions:run", { body: { prompt_name, variables: {}, model: MODEL, ...more } })

/** A problem as RFC 9457 wants it, with the members that all of ours have. */
const assertProblem = (answer: Answer, status: number, code: string, more: object = {}) => {
  assert.strictEqual(answer.status, status, JSON.stringify(answer.body))
  assert.strictEqual(answer.headers.get("content-type"), "application/problem+json")
  assert.deepInclude(answer.body, { status, code, ...more })
  for (const member of ["type", "title", "detail"]) assert.isNotEmpty(answer.body[member])
  assert.strictEqual(answer.body.request_id, answer.headers.get("x-request-id"))
}

layer(apiLayer, { timeout: "60 seconds", excludeTestServices: true })("problems", (it) => {
  describe("401", () => {
    it.effect("without a key, with an empty one, with a wrong one; and tells nothing of what there is", () =>
      Effect.gen(function* () {
        for (const key of ["", "wrong", `${KEY}x`, KEY.slice(1)]) {
          for (const [method, path] of [
            ["GET", "/v1/prompts"],
            ["GET", `/v1/prompts/${newName()}`],
            ["POST", "/v1/executions:run"],
            ["GET", "/v1/analytics/prompts"],
            ["GET", "/v1/models"]
          ] as const) {
            assertProblem(yield* call(method, path, { headers: { "x-api-key": key } }), 401, "InvalidApiKey")
          }
        }
        const without = yield* raw("GET /v1/prompts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert.include(without, "HTTP/1.1 401")
      })
    )

    it.effect("before anything else that is wrong, and says what is asked for", () =>
      Effect.gen(function* () {
        for (const [method, path, more] of [
          ["GET", "/v1/models?x=1", {}],
          ["GET", "/v1/prompts?search=%ff", {}],
          ["PUT", "/v1/prompts/a", { "content-encoding": "gzip" }],
          ["PUT", "/v1/prompts/a", { "content-type": "text/plain" }]
        ] as const) {
          const answer = yield* call(method, path, {
            ...(method === "PUT" && { body: {} }),
            headers: { "x-api-key": "no key", ...more }
          })
          assertProblem(answer, 401, "InvalidApiKey")
          assert.strictEqual(answer.headers.get("www-authenticate"), "ApiKey")
        }
      })
    )

    it.effect("but not for what is open", () =>
      Effect.gen(function* () {
        for (const path of ["/health", "/ready", "/metrics", "/docs", "/openapi.json"]) {
          assert.strictEqual((yield* call("GET", path, { headers: { "x-api-key": "" } })).status, 200)
        }
      })
    )
  })

  describe("400", () => {
    it.effect("names every field that is wrong", () =>
      Effect.gen(function* () {
        const answer = yield* call("POST", "/v1/executions:run", {
          body: {
            prompt_name: "a b",
            version_number: 0,
            variables: [],
            model: { provider: "nobody" },
            params: { temperature: 3, max_new_tokens: 0.5 },
            environment: "",
            correlation_id: 4,
            extra: 1
          }
        })
        assertProblem(answer, 400, "BadRequest")
        const paths = answer.body.errors.map(({ path }: { path: ReadonlyArray<string> }) => path.join("."))
        assert.sameMembers(
          [...new Set(paths)],
          [
            "payload.prompt_name",
            "payload.version_number",
            "payload.variables",
            "payload.model.provider",
            "payload.model.model_name",
            "payload.params.temperature",
            "payload.params.max_new_tokens",
            "payload.environment",
            "payload.correlation_id",
            "payload.extra"
          ]
        )
        for (const path of paths) assert.include(answer.body.detail, path)
      })
    )

    it.effect("for a path, a query or a header that does not fit", () =>
      Effect.gen(function* () {
        for (const [method, path, at, options] of [
          ["GET", "/v1/prompts/a%20b", "params.name", {}],
          ["PUT", `/v1/prompts/${"n".repeat(256)}`, "params.name", { body: { template_source: "x" } }],
          ["GET", "/v1/prompts/x/versions/one", "params.version_number", {}],
          ["GET", "/v1/prompts/x/versions/0", "params.version_number", {}],
          ["GET", "/v1/prompts/x/versions/01", "params.version_number", {}],
          ["GET", "/v1/prompts/x/versions/1.0", "params.version_number", {}],
          ["POST", "/v1/prompts/x/versions/1e0:activate", "params.version_number", {}],
          ["GET", "/v1/executions?prompt_name=x&version_number=%2B1", "query.version_number", {}],
          ["GET", "/v1/executions/nothing", "params.execution_id", {}],
          ["GET", "/v1/prompts?limit=0", "query.limit", {}],
          ["GET", "/v1/prompts?limit=201", "query.limit", {}],
          ["GET", "/v1/prompts?limit=1e1", "query.limit", {}],
          ["GET", "/v1/prompts?limit=10.0", "query.limit", {}],
          ["GET", "/v1/prompts?mode=both", "query.mode", {}],
          ["GET", "/v1/prompts?cursor=%21", "query.cursor", {}],
          ["GET", "/v1/executions?cursor=eyJhIjoxfQ", "query.cursor", {}],
          ["GET", "/v1/executions?from=yesterday", "query.from", {}],
          ["GET", "/v1/executions?unknown=1", "query.unknown", {}],
          ["GET", "/v1/models?unknown=1", "query.unknown", {}],
          [
            "POST",
            "/v1/prompts/register-code?dry_run=true",
            "query.dry_run",
            { body: { prompts: [{ name: newName(), template_source: "x" }] } }
          ],
          ["GET", `/v1/executions?${BACKWARDS}`, "query.to", {}],
          ["GET", `/v1/analytics/prompts?${BACKWARDS}`, "query.to", {}],
          ["GET", `/v1/prompts/x/analytics?${BACKWARDS}`, "query.to", {}],
          ["GET", `/v1/executions/${crypto.randomUUID()}?wait=31`, "query.wait", {}],
          ["GET", `/v1/executions/${crypto.randomUUID()}?wait=1e0`, "query.wait", {}],
          ["GET", `/v1/executions/${crypto.randomUUID()}?wait=.5`, "query.wait", {}],
          [
            "POST",
            "/v1/executions:run",
            "headers.idempotency-key",
            {
              body: { prompt_name: "x", variables: {}, model: MODEL },
              headers: { "idempotency-key": "k".repeat(256) }
            }
          ]
        ] as const) {
          const answer = yield* call(method, path, options)
          assertProblem(answer, 400, "BadRequest")
          assert.strictEqual(answer.body.errors[0].path.join("."), at, path)
        }
      })
    )

    it.effect("says what was expected in the caller's words, not in those of our schemas", () =>
      Effect.gen(function* () {
        const messagesOf = (answer: Answer) =>
          answer.body.errors.map(({ message }: { message: string }) => message)
        const post = (body: unknown) => call("POST", "/v1/executions:run", { body })
        const asked = { prompt_name: "x", variables: {}, model: MODEL }
        for (const body of [[], "null", '"x"', { ...asked, model: "echo" }, { ...asked, params: null }]) {
          assert.deepStrictEqual(messagesOf(yield* post(body)), ["Expected an object"])
        }
        const params = { temperature: "1", top_p: null, frequency_penalty: "NaN", presence_penalty: {} }
        assert.deepStrictEqual(
          messagesOf(yield* post({ ...asked, params })),
          Object.keys(params).map(() => "Expected number")
        )
        for (const wait of ["abc", "", "NaN", "Infinity", "1&wait=2"]) {
          const [message, ...more] = messagesOf(
            yield* call("GET", `/v1/executions/${crypto.randomUUID()}?wait=${wait}`)
          )
          assert.deepStrictEqual(more, [])
          assert.notInclude(message, "Infinity")
        }
      })
    )

    it.effect("for a path that can't be decoded", () =>
      Effect.gen(function* () {
        for (const path of ["/v1/prompts/%zz", "/v1/prompts/%E0%A4%A/versions"]) {
          const answer = yield* call("GET", path)
          assertProblem(answer, 400, "BadRequest", { detail: "params: Expected percent-encoded UTF-8" })
        }
      })
    )

    it.effect("for what is no JSON", () =>
      Effect.gen(function* () {
        for (const body of ["", "{", "nope", "[1,", '{"prompt_name": }']) {
          const answer = yield* call("POST", "/v1/executions:run", {
            body,
            headers: { "content-type": "application/json" }
          })
          assertProblem(answer, 400, "BadRequest")
          assert.strictEqual(answer.body.errors[0].path[0], "payload")
        }
      })
    )

    it.effect("for a prompt in the other mode, with the right door, before anything is written", () =>
      Effect.gen(function* () {
        const [full, tracking] = [newName(), newName()]
        yield* put(full, "{{ x }}")
        yield* registerCode(tracking, "{{ x }}")
        const isFull = `Prompt '${full}' is in full mode. Use`
        const isTracking = `Prompt '${tracking}' is in tracking mode. Use`
        for (const [answer, detail] of [
          [yield* put(tracking, "y"), `${isTracking} POST /v1/prompts/register-code instead.`],
          [yield* run(tracking), `${isTracking} POST /v1/prompts/${tracking}/execute instead.`],
          [
            yield* call("POST", "/v1/executions:submit", {
              body: { prompt_name: tracking, variables: {}, model: MODEL }
            }),
            `${isTracking} POST /v1/prompts/${tracking}/execute instead.`
          ],
          [
            yield* call("POST", `/v1/prompts/${tracking}/versions/1:activate`),
            `${isTracking} POST /v1/prompts/register-code instead.`
          ],
          [
            yield* call("POST", `/v1/prompts/${full}/execute`, { body: { variables: {} } }),
            `${isFull} POST /v1/executions:run instead.`
          ],
          [
            yield* call("GET", `/v1/prompts/${full}/history?mode=tracking`),
            `${isFull} GET /v1/prompts/${full}/history?mode=full instead.`
          ]
        ] as const) {
          assertProblem(answer, 400, "ModeMismatch", { detail })
        }
        for (const name of [full, tracking]) {
          assert.lengthOf((yield* call("GET", `/v1/executions?prompt_name=${name}`)).body.executions, 0)
          assert.lengthOf((yield* call("GET", `/v1/prompts/${name}/versions`)).body.versions, 1)
        }
      })
    )

    it.effect("for variables that are missing: all of them", () =>
      Effect.gen(function* () {
        const name = newName()
        yield* put(name, "{{ a }} {% if b %}{{ c }}{% endif %} {{ d | upper }}")
        assertProblem(yield* run(name, { variables: { b: false } }), 400, "UndefinedVariable", {
          variables: ["a", "c", "d"],
          detail: "These variables are missing: a, c, d."
        })
      })
    )

    it.effect("for a template that can't be: with its line and column", () =>
      Effect.gen(function* () {
        assertProblem(yield* put(newName(), "fine\n  {% if %}"), 400, "TemplateSyntaxError", { line: 2 })
        assertProblem(yield* put(newName(), "fine\n{{ a() }}"), 400, "TemplateForbidden", {
          line: 2,
          column: 5
        })
      })
    )

    it.effect("for a value that a template can't use, or that takes it too far", () =>
      Effect.gen(function* () {
        const [reversed, endless] = [newName(), newName()]
        yield* put(reversed, "{{ n | join }}")
        yield* put(
          endless,
          "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}x{% endfor %}{% endfor %}{% endfor %}"
        )
        assertProblem(yield* run(reversed, { variables: { n: 4 } }), 400, "TemplateRenderError", { line: 1 })
        assertProblem(yield* run(endless), 400, "TemplateLimitExceeded")
      })
    )
  })

  describe("404 and 409", () => {
    it.effect("for what is not there", () =>
      Effect.gen(function* () {
        const [name, draft] = [newName(), newName()]
        yield* put(name, "x")
        yield* put(draft, "x", { set_active: false })
        const none = newName()
        const execution_id = crypto.randomUUID()
        for (const [answer, code, more] of [
          [yield* call("GET", `/v1/prompts/${none}`), "PromptNotFound", { name: none }],
          [yield* call("GET", `/v1/prompts/${none}/versions`), "PromptNotFound", { name: none }],
          [yield* call("GET", `/v1/prompts/${none}/history`), "PromptNotFound", { name: none }],
          [yield* run(none), "PromptNotFound", { name: none }],
          [
            yield* call("GET", `/v1/prompts/${name}/versions/9`),
            "VersionNotFound",
            { name, version_number: 9, detail: `Prompt '${name}' has no version 9.` }
          ],
          [yield* run(name, { version_number: 9 }), "VersionNotFound", { name, version_number: 9 }],
          [
            yield* call("POST", `/v1/prompts/${name}/versions/9:activate`),
            "VersionNotFound",
            { name, version_number: 9 }
          ],
          [yield* call("GET", `/v1/executions/${execution_id}`), "ExecutionNotFound", { execution_id }],
          [
            yield* call("GET", `/v1/executions/${execution_id}/lineage`),
            "ExecutionNotFound",
            { execution_id }
          ],
          [
            yield* call("POST", `/v1/executions/${execution_id}:cancel`),
            "ExecutionNotFound",
            { execution_id }
          ]
        ] as const) {
          assertProblem(answer, 404, code, more)
        }
        assertProblem(yield* run(draft), 409, "NoActiveVersion", { name: draft })
      })
    )

    it.effect("for a path that leads nowhere; 405 where another method does", () =>
      Effect.gen(function* () {
        for (const path of [
          "/",
          "/v1",
          "/v2/prompts",
          "/v1/prompts/x/y/z",
          "/favicon.ico",
          "/v1/executions::run"
        ]) {
          assertProblem(yield* call("GET", path), 404, "NotFound")
        }
        for (const [method, path, allowed] of [
          ["DELETE", "/v1/prompts/x", ["PUT", "GET", "HEAD"]],
          ["DELETE", "/V1//prompts/x/", ["PUT", "GET", "HEAD"]],
          ["GET", "/v1/executions:run", ["POST"]],
          ["POST", "/v1/executions", ["GET", "HEAD"]],
          ["POST", "/health", ["GET", "HEAD"]],
          ["PUT", "/openapi.json", ["GET", "HEAD"]]
        ] as const) {
          const answer = yield* call(method, path, method === "POST" || method === "PUT" ? { body: {} } : {})
          assertProblem(answer, 405, "MethodNotAllowed")
          assert.sameMembers(answer.body.allowed, [...allowed])
          assert.strictEqual(answer.headers.get("allow"), answer.body.allowed.join(", "))
        }
      })
    )
  })

  describe("413 and 415", () => {
    it.effect("for a body over the limit, whether it says so or not", () =>
      Effect.gen(function* () {
        const name = newName()
        assertProblem(yield* put(name, "x".repeat(1_100_000)), 413, "PayloadTooLarge")
        const chunk = "x".repeat(64 * 1024)
        const chunked = yield* raw(
          `PUT /v1/prompts/${name} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEY}\r\nContent-Type: application/json\r\n` +
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
            `${chunk.length.toString(16)}\r\n${chunk}\r\n`.repeat(20) +
            "0\r\n\r\n"
        )
        assert.include(chunked, "HTTP/1.1 413")
        assert.strictEqual((yield* call("GET", `/v1/prompts/${name}`)).status, 404)
      })
    )

    it.effect("for a template of 200 KB and one byte, by name; and takes one of 200 KB", () =>
      Effect.gen(function* () {
        const refused = yield* put(newName(), "x".repeat(204_801))
        assertProblem(refused, 400, "BadRequest")
        assert.deepStrictEqual(refused.body.errors[0].path, ["payload", "template_source"])
        assert.strictEqual((yield* put(newName(), "x".repeat(204_800))).status, 201)
      })
    )

    it.effect("for a body that is not JSON by its own account, or that is packed", () =>
      Effect.gen(function* () {
        const plain = { body: { template_source: "x" }, headers: { "content-encoding": "Identity" } }
        assert.strictEqual((yield* call("PUT", `/v1/prompts/${newName()}`, plain)).status, 201)
        for (const headers of [
          { "content-type": "text/plain" },
          { "content-type": "application/xml" },
          { "content-type": "application/json", "content-encoding": "gzip" }
        ]) {
          const answer = yield* call("PUT", `/v1/prompts/${newName()}`, {
            body: { template_source: "x" },
            headers
          })
          assertProblem(answer, 415, "UnsupportedMediaType")
        }
      })
    )
  })

  describe("500", () => {
    it.effect("for a bug: it says nothing of our insides, and the log has it by the request's id", () =>
      Effect.gen(function* () {
        const { write: sql } = yield* Database
        const moved = Effect.acquireRelease(Effect.orDie(sql`ALTER TABLE prompts RENAME TO elsewhere`), () =>
          Effect.orDie(sql`ALTER TABLE elsewhere RENAME TO prompts`)
        )
        const answer = yield* Effect.scoped(Effect.andThen(moved, call("GET", "/v1/prompts")))
        assertProblem(answer, 500, "InternalServerError", {
          detail: "The request failed. Its id is in the log."
        })
        assert.notMatch(JSON.stringify(answer.body), /prompts|relation|sql/i)
        const told = (yield* Logs).map((line) => JSON.parse(line)).find(({ level }) => level === "ERROR")
        assert.strictEqual(told.annotations.request_id, answer.body.request_id)
      })
    )
  })

  describe("Cache-Control", () => {
    it.effect("lets no cache keep an answer, which would give it to who has another key, or none", () =>
      Effect.gen(function* () {
        for (const path of ["/v1/prompts", "/v1/prompts/nothing", "/nowhere", "/ready"]) {
          const { headers } = yield* call("GET", path)
          assert.strictEqual(headers.get("cache-control"), "no-store", path)
        }
      })
    )
  })

  describe("X-Request-Id", () => {
    it.effect("is the caller's own when it can be sent, and is made otherwise", () =>
      Effect.gen(function* () {
        const id = (value: string | undefined) =>
          Effect.map(
            call("GET", "/health", value === undefined ? {} : { headers: { "x-request-id": value } }),
            (answer) => answer.headers.get("x-request-id")
          )
        assert.strictEqual(yield* id("trace-1"), "trace-1")
        for (const value of [undefined, "", "a b", "x".repeat(129)]) {
          const made = yield* id(value)
          assert.match(made!, /^[0-9a-f-]{36}$/)
        }
        assert.strictEqual(
          (yield* call("GET", "/nowhere", { headers: { "x-request-id": "t" } })).body.request_id,
          "t"
        )
      })
    )
  })
})
