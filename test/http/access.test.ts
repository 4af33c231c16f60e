import { assert, describe, layer } from "@effect/vitest"
import { Context, Effect } from "effect"
import { HttpApi } from "effect/http-api"
import { Scope } from "../../src/domain/Access.ts"
import { DEFAULT_PROJECT_ID } from "../../src/domain/Ids.ts"
import { Api } from "../../src/http/api/Api.ts"
import { Authorization } from "../../src/http/api/Authorization.ts"
import { RequiredScope } from "../../src/http/api/RequiredScope.ts"
import { apiLayer, call, pagesOf } from "../support/api.ts"
import type { Answer } from "../support/api.ts"
import { newName } from "../support/ledger.ts"

const withKey = (key: string) => ({ headers: { "x-api-key": key } })

const assertProblem = ({ status, body, headers }: Answer, expected: number, code: string) => {
  assert.deepInclude(body, { status: expected, code })
  assert.strictEqual(status, expected)
  assert.strictEqual(headers.get("content-type"), "application/problem+json")
}

const newProject = Effect.suspend(() =>
  Effect.map(
    call("POST", "/v1/projects", { body: { name: newName("project") } }),
    ({ body }) => body.project_id as string
  )
)

const issue = Effect.fnUntraced(function* (
  project_id: string,
  scopes: ReadonlyArray<string>,
  more: object = {}
) {
  const { status, body } = yield* call("POST", `/v1/projects/${project_id}/keys`, {
    body: { name: "a key", scopes, ...more }
  })
  assert.strictEqual(status, 201, JSON.stringify(body))
  return body as { readonly key: string; readonly key_id: string; readonly [field: string]: unknown }
})

/** Every endpoint that takes a key, as the contract has it. */
const endpoints: Array<{ readonly method: string; readonly path: string; readonly scope: Scope }> = []
HttpApi.reflect(Api, {
  onGroup: () => {},
  onEndpoint: ({ endpoint, middleware }) => {
    if (![...middleware].some((one) => one.key === Authorization.key)) return
    const scope = Context.get(endpoint.annotations, RequiredScope)
    endpoints.push({ method: endpoint.method, path: endpoint.path, scope })
  }
})

const filled = (path: string) =>
  path
    .replace(":name", "nothing")
    .replace("/:version_number", "/1")
    .replace(/\/:(?:execution|project|key)_id/, `/${crypto.randomUUID()}`)

layer(apiLayer, { timeout: "60 seconds", excludeTestServices: true })("access", (it) => {
  describe("projects", () => {
    it.effect("are created once under a name, and listed", () =>
      Effect.gen(function* () {
        const name = newName("project")
        const created = yield* call("POST", "/v1/projects", { body: { name } })
        assert.strictEqual(created.status, 201)
        assert.strictEqual(created.body.name, name)
        assertProblem(yield* call("POST", "/v1/projects", { body: { name } }), 409, "ProjectExists")
        const { body } = yield* call("GET", "/v1/projects?limit=200")
        assert.deepInclude(body.projects, created.body)
        assert.deepStrictEqual((yield* pagesOf("/v1/projects?limit=1", "projects")).flat(), body.projects)
        assert.include(
          body.projects.map((project: { readonly name: string }) => project.name),
          "default"
        )
        const wrong = yield* call("POST", "/v1/projects", { body: { name: "a b" } })
        assert.deepStrictEqual(wrong.body.errors, [
          { path: ["payload", "name"], message: "Expected 1 to 100 letters, digits and any of _ . -" }
        ])
      })
    )

    it.effect("see nothing of each other, at any endpoint", () =>
      Effect.gen(function* () {
        const [full, code, other] = [newName(), newName(), newName("project")]
        yield* call("PUT", `/v1/prompts/${full}`, { body: { template_source: "x" } })
        yield* call("POST", "/v1/prompts/register-code", {
          body: { prompts: [{ name: code, template_source: "x" }] }
        })
        const model = { provider: "openai", model_name: newName("model") }
        const run = { prompt_name: full, variables: {}, model }
        const { body: ran } = yield* call("POST", "/v1/executions:run", { body: run })
        const { key_id } = yield* issue(DEFAULT_PROJECT_ID, ["prompts:read"])
        const { key } = yield* issue(yield* newProject, ["admin"])

        const asked: Record<string, readonly [path: string, body?: object]> = {
          "PUT /v1/prompts/:name": [`/v1/prompts/${other}`, { template_source: "theirs" }],
          "GET /v1/prompts/:name": [`/v1/prompts/${full}`],
          "GET /v1/prompts": ["/v1/prompts?limit=200"],
          "GET /v1/prompts/:name/versions": [`/v1/prompts/${full}/versions`],
          "GET /v1/prompts/:name/versions/:version_number": [`/v1/prompts/${full}/versions/1`],
          "POST /v1/prompts/:name/versions/:version_number:activate": [
            `/v1/prompts/${full}/versions/1:activate`
          ],
          "POST /v1/prompts/register-code": [
            "/v1/prompts/register-code",
            { prompts: [{ name: code, template_source: "theirs" }] }
          ],
          "GET /v1/prompts/:name/history": [`/v1/prompts/${full}/history`],
          "POST /v1/executions:run": ["/v1/executions:run", run],
          "POST /v1/executions:submit": ["/v1/executions:submit", run],
          "POST /v1/executions/run": ["/v1/executions/run", run],
          "POST /v1/executions/submit": ["/v1/executions/submit", run],
          "POST /v1/prompts/:name/execute": [`/v1/prompts/${full}/execute`, { variables: {} }],
          "GET /v1/executions/:execution_id": [`/v1/executions/${ran.execution_id}`],
          "GET /v1/executions": ["/v1/executions"],
          "GET /v1/executions/:execution_id/lineage": [`/v1/executions/${ran.execution_id}/lineage`],
          "POST /v1/executions/:execution_id:cancel": [`/v1/executions/${ran.execution_id}:cancel`],
          "GET /v1/analytics/prompts": ["/v1/analytics/prompts"],
          "GET /v1/prompts/:name/analytics": [`/v1/prompts/${full}/analytics`],
          "GET /v1/models": ["/v1/models"],
          "GET /v1/projects": ["/v1/projects"],
          "POST /v1/projects": ["/v1/projects", { name: other }],
          "GET /v1/projects/:project_id/keys": [`/v1/projects/${DEFAULT_PROJECT_ID}/keys`],
          "POST /v1/projects/:project_id/keys": [
            `/v1/projects/${DEFAULT_PROJECT_ID}/keys`,
            { name: "theirs", scopes: ["admin"] }
          ],
          "DELETE /v1/keys/:key_id": [`/v1/keys/${key_id}`]
        }
        assert.sameMembers(
          Object.keys(asked),
          endpoints.map(({ method, path }) => `${method} ${path}`)
        )
        const theirs = /^(?:PUT \/v1\/prompts\/:name|POST \/v1\/prompts\/register-code)$/
        const listing = /^GET \/v1\/(?:prompts|executions|analytics\/prompts|models|projects)$/
        for (const [endpoint, [path, body]] of Object.entries(asked)) {
          const answer = yield* call(endpoint.split(" ")[0]!, path, { body, ...withKey(key) })
          const text = JSON.stringify(answer.body)
          if (theirs.test(endpoint)) assert.isBelow(answer.status, 300, endpoint)
          else if (endpoint === "POST /v1/projects") {
            assertProblem(answer, 403, "InsufficientScope")
            assert.strictEqual(
              answer.body.detail,
              "This takes a key with the scope admin of the project default."
            )
          } else if (listing.test(endpoint)) assert.strictEqual(answer.status, 200, endpoint)
          else assert.strictEqual(answer.status, 404, `${endpoint}: ${text}`)
          if (answer.status < 300) {
            assert.notInclude(text, full, endpoint)
            assert.notInclude(text, model.model_name, endpoint)
            assert.notInclude(text, ran.execution_id, endpoint)
            assert.notInclude(text, DEFAULT_PROJECT_ID, endpoint)
          }
        }
        const { body: analytics } = yield* call("GET", "/v1/analytics/prompts", withKey(key))
        assert.strictEqual(analytics.summary.total_executions, 0)
        const { body: kept } = yield* call("GET", `/v1/prompts/${code}`)
        assert.strictEqual(kept.active_version.template_source, "x")
        assert.strictEqual((yield* call("GET", `/v1/executions/${ran.execution_id}`)).status, 200)
      })
    )
  })

  describe("keys", () => {
    it.effect("are shown once, kept as a hash, and listed without it", () =>
      Effect.gen(function* () {
        const project_id = yield* newProject
        const issued = yield* issue(project_id, ["prompts:read"], { expires_at: "2999-01-01T00:00:00Z" })
        assert.match(issued.key, /^pl_[\w-]{38}$/)
        const { body } = yield* call("GET", `/v1/projects/${project_id}/keys`)
        const { key, ...rest } = issued
        assert.deepStrictEqual(body.keys, [rest])
        assert.notInclude(JSON.stringify(body), key)
        assert.deepInclude(rest, {
          name: "a key",
          scopes: ["prompts:read"],
          expires_at: "2999-01-01T00:00:00.000Z",
          revoked_at: null,
          last_used_at: null
        })
      })
    )

    it.effect("are listed newest first, page by page", () =>
      Effect.gen(function* () {
        const project_id = yield* newProject
        const path = `/v1/projects/${project_id}/keys`
        assert.deepStrictEqual((yield* call("GET", path)).body, { keys: [], next_cursor: null })
        const issued: Array<string> = []
        for (let index = 0; index < 5; index++) issued.unshift((yield* issue(project_id, ["admin"])).key_id)
        const pages = yield* pagesOf(`${path}?limit=2`, "keys")
        assert.deepStrictEqual(
          pages.map((page) => page.map(({ key_id }) => key_id)),
          [issued.slice(0, 2), issued.slice(2, 4), issued.slice(4)]
        )
        for (const list of [path, "/v1/projects", "/v1/models"]) {
          const refused = yield* call("GET", `${list}?cursor=eA`)
          assertProblem(refused, 400, "BadRequest")
          assert.deepStrictEqual(refused.body.errors[0].path, ["query", "cursor"])
        }
      })
    )

    it.effect("open what their scopes name at every endpoint, and nothing else", () =>
      Effect.gen(function* () {
        const project_id = yield* newProject
        const scopes = Scope.literals.filter((scope) => scope !== "admin")
        for (const { method, path: pattern, scope } of endpoints) {
          const path = filled(pattern)
          const others = scopes.filter((other) => other !== scope)
          const without = yield* issue(project_id, others)
          const refused = yield* call(method, path, withKey(without.key))
          assertProblem(refused, 403, "InsufficientScope")
          assert.strictEqual(refused.body.scope, scope, `${method} ${path}`)
          const allowed = yield* issue(project_id, [scope])
          assert.notStrictEqual((yield* call(method, path, withKey(allowed.key))).status, 403)
        }
      })
    )

    it.effect("can be replaced without a gap, and are refused once they are revoked", () =>
      Effect.gen(function* () {
        const project_id = yield* newProject
        const opens = (key: string) =>
          Effect.map(call("GET", "/v1/prompts", withKey(key)), ({ status }) => status)
        const old = yield* issue(project_id, ["prompts:read"])
        const next = yield* issue(project_id, ["prompts:read"])
        assert.deepStrictEqual([yield* opens(old.key), yield* opens(next.key)], [200, 200])
        assert.strictEqual((yield* call("DELETE", `/v1/keys/${old.key_id}`)).status, 204)
        assert.deepStrictEqual([yield* opens(old.key), yield* opens(next.key)], [401, 200])
        assert.strictEqual((yield* call("DELETE", `/v1/keys/${old.key_id}`)).status, 204)
        const { body } = yield* call("GET", `/v1/projects/${project_id}/keys`)
        const [listedNext, listedOld] = body.keys
        assert.deepInclude(listedNext, { key_id: next.key_id, revoked_at: null })
        assert.isNotNull(listedOld.revoked_at)
        assert.isNotNull(listedOld.last_used_at)
        assertProblem(yield* call("DELETE", `/v1/keys/${crypto.randomUUID()}`), 404, "KeyNotFound")
      })
    )

    it.effect("are refused with what is wrong with them", () =>
      Effect.gen(function* () {
        const project_id = yield* newProject
        const wrong = (body: object) =>
          Effect.map(call("POST", `/v1/projects/${project_id}/keys`, { body }), (answer) => {
            assertProblem(answer, 400, "BadRequest")
            return answer.body.errors.map(({ path }: { readonly path: ReadonlyArray<string> }) =>
              path.join(".")
            )
          })
        assert.sameMembers(yield* wrong({ name: "", scopes: ["everything"] }), [
          "payload.name",
          "payload.scopes.0"
        ])
        assert.deepStrictEqual(yield* wrong({ name: "x", scopes: [] }), ["payload.scopes"])
        assert.deepStrictEqual(yield* wrong({ name: "API_KEY", scopes: ["admin"] }), ["payload.name"])
        const past = { name: "x", scopes: ["admin"], expires_at: "2020-01-01T00:00:00Z" }
        assert.deepStrictEqual(yield* wrong(past), ["payload.expires_at"])
        const never = { ...past, expires_at: "2030-02-30T00:00:00Z" }
        assert.deepStrictEqual(yield* wrong(never), ["payload.expires_at"])
        const nowhere = `/v1/projects/${crypto.randomUUID()}/keys`
        const body = { name: "x", scopes: ["admin"] }
        assertProblem(yield* call("POST", nowhere, { body }), 404, "ProjectNotFound")
        assertProblem(yield* call("GET", nowhere), 404, "ProjectNotFound")
      })
    )
  })
})
