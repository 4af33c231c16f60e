import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { apiLayer, call, KEY } from "../support/api.ts"
import type { Answer } from "../support/api.ts"
import { newName } from "../support/ledger.ts"
import { raw } from "../support/raw.ts"

const MODEL = { provider: "echo", model_name: "echo" }

const assertFault = (answer: Answer, path: string, message: RegExp) => {
  assert.strictEqual(answer.status, 400, JSON.stringify(answer.body))
  assert.strictEqual(answer.body.code, "BadRequest")
  const [fault] = answer.body.errors
  assert.strictEqual(fault.path.join("."), path)
  assert.match(fault.message, message)
}

layer(apiLayer, { timeout: "60 seconds", excludeTestServices: true })("what is sent", (it) => {
  const run = (prompt_name: string, variables: string) =>
    call("POST", "/v1/executions:run", {
      body: `{"prompt_name":"${prompt_name}","model":${JSON.stringify(MODEL)},"variables":${variables}}`
    })
  const newPrompt = Effect.gen(function* () {
    const name = newName()
    yield* call("PUT", `/v1/prompts/${name}`, { body: { template_source: "{{ x | string }}" } })
    return name
  })

  describe("in a body", () => {
    it.effect("has numbers that keep their digits", () =>
      Effect.gen(function* () {
        const name = yield* newPrompt
        for (const [number, text] of [
          ["0.1", "0.1"],
          ["9007199254740991", "9007199254740991"],
          ["-1.5e3", "-1500"]
        ] as const) {
          assert.strictEqual((yield* run(name, `{"x":${number}}`)).body.response_text, `[echo] ${text}`)
        }
        for (const number of ["9007199254740993", "12345678901234567890", "1E+30", "1e400", "-1e400"]) {
          assertFault(yield* run(name, `{"x":[1,{"y":${number}}]}`), "payload.variables.x.1.y", /2\^53/)
        }
        assertFault(yield* run(name, `{"x":[1e-300]}`), "payload.variables.x.0", /1e-100/)
        assertFault(
          yield* call("PUT", `/v1/prompts/${name}`, { body: '{"template_source":"x","extra":1e99}' }),
          "payload.extra",
          /2\^53/
        )
      })
    )

    it.effect("names a model without control characters, which a log would print as they are", () =>
      Effect.gen(function* () {
        const name = newName()
        yield* call("PUT", `/v1/prompts/${name}`, { body: { template_source: "x" } })
        const code = newName()
        yield* call("POST", "/v1/prompts/register-code", {
          body: { prompts: [{ name: code, template_source: "x" }] }
        })
        for (const control of ["\n", "\r", "\u001b[2J", "\u007f", "\u009b"]) {
          const model_name = `gpt${control}`
          const model = { provider: "openai", model_name }
          const ran = yield* call("POST", "/v1/executions:run", {
            body: { prompt_name: name, variables: {}, model }
          })
          assertFault(ran, "payload.model.model_name", /control characters/)
          const executed = yield* call("POST", `/v1/prompts/${code}/execute`, {
            body: { variables: {}, model_name }
          })
          assertFault(executed, "payload.model_name", /control characters/)
        }
        const model = { provider: "openai", model_name: "größe/模型:2 (β)" }
        const ran = yield* call("POST", "/v1/executions:run", {
          body: { prompt_name: name, variables: {}, model }
        })
        assert.strictEqual(ran.status, 200)
      })
    )

    it.effect(
      "has no U+0000 and no lone surrogate, in texts and keys; and all else comes back as it went",
      () =>
        Effect.gen(function* () {
          const name = yield* newPrompt
          for (const bad of ["\\u0000", "\\ud800", "\\udc00"]) {
            assertFault(yield* run(name, `{"x":["a${bad}"]}`), "payload.variables.x.0", /U\+0000/)
            assertFault(yield* run(name, `{"x":{"${bad}":1}}`), "payload.variables.x", /keys without U\+0000/)
            assertFault(
              yield* call("PUT", `/v1/prompts/${name}`, { body: `{"template_source":"${bad}"}` }),
              "payload.template_source",
              /U\+0000/
            )
            assertFault(
              yield* call("POST", "/v1/prompts/register-code", {
                body: `{"prompts":[{"name":"x","template_source":"x"},{"name":"y${bad}"}]}`
              }),
              "payload.prompts.1.name",
              /U\+0000/
            )
          }
          const odd = "\u0001\u007f\u0085\u200b\u202e\ufeff\uffff😀e\u0301"
          const { body } = yield* run(name, JSON.stringify({ x: odd }))
          assert.strictEqual(body.response_text, `[echo] ${odd}`)
        })
    )

    it.effect("is measured in characters, which may take more than one unit or byte", () =>
      Effect.gen(function* () {
        const put = (characters: number) =>
          call("PUT", `/v1/prompts/${newName()}`, {
            body: { template_source: "x", description: "😀".repeat(characters), owner_team: "😀".repeat(255) }
          })
        assert.strictEqual((yield* put(2_000)).body.prompt.description, "😀".repeat(2_000))
        assertFault(yield* put(2_001), "payload.description", /at most 2000/)
      })
    )

    it.effect("is nested 32 deep at most, and has at most 100,000 values", () =>
      Effect.gen(function* () {
        const name = yield* newPrompt
        // The body and its variables are two of them.
        const nested = (depth: number) => `{"x":${"[".repeat(depth - 2)}${"]".repeat(depth - 2)}}`
        assert.strictEqual((yield* run(name, nested(32))).status, 200)
        assertFault(yield* run(name, nested(33)), `payload.variables.x${".0".repeat(30)}`, /at most 32 deep/)
        assertFault(yield* run(name, `[${"0,".repeat(100_000)}0]`), "payload", /at most 100000 values/)
        assertFault(
          yield* call("POST", "/v1/prompts/register-code", { body: "[".repeat(5 * 1024 * 1024) }),
          `payload${".0".repeat(32)}`,
          /at most 32 deep/
        )
      })
    )

    it.effect("is UTF-8", () =>
      Effect.gen(function* () {
        const name = newName()
        const put = (...bytes: ReadonlyArray<number>) => {
          const body = Buffer.concat([
            Buffer.from('{"template_source":"'),
            Buffer.from(bytes),
            Buffer.from('"}')
          ])
          const head =
            `PUT /v1/prompts/${name} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${KEY}\r\nConnection: close\r\n` +
            `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
          return raw(Buffer.concat([Buffer.from(head), body]))
        }
        // Latin-1, a character cut short, an overlong form, a surrogate's bytes.
        for (const bytes of [[0xe9], [0xe2, 0x82], [0xc0, 0x80], [0xed, 0xa0, 0x80]]) {
          const answer = yield* put(...bytes)
          assert.include(answer, "HTTP/1.1 400")
          assert.include(answer, "payload: Expected valid UTF-8")
        }
        assert.include(yield* put(0xc3, 0xa9), "HTTP/1.1 201")
        const { body } = yield* call("GET", `/v1/prompts/${name}`)
        assert.strictEqual(body.active_version.template_source, "é")
      })
    )

    it.effect("is read only for those who have a key", () =>
      Effect.gen(function* () {
        const options = { body: "[".repeat(1_000), headers: { "x-api-key": "none" } }
        assert.strictEqual((yield* call("POST", "/v1/executions:run", options)).status, 401)
      })
    )

    it.effect("makes a problem of bounded length, however much of it is wrong", () =>
      Effect.gen(function* () {
        const members = Array.from({ length: 1_000 }, (_, index) => [`${index}${"x".repeat(500)}`, index])
        const answer = yield* call("PUT", "/v1/prompts/x", { body: Object.fromEntries(members) })
        assert.strictEqual(answer.status, 400)
        assert.lengthOf(answer.body.errors, 100)
        assert.isBelow(JSON.stringify(answer.body).length, 100_000)
      })
    )
  })

  describe("in an address", () => {
    it.effect("is percent-encoded UTF-8 that can be stored", () =>
      Effect.gen(function* () {
        const id = crypto.randomUUID()
        const far = JSON.stringify({ created_at: "-104990-05-11T16:21:47.427Z", execution_id: id })
        const farCursor = Buffer.from(far).toString("base64url")
        for (const [path, at, message] of [
          ["/v1/prompts?search=a%00b", "query.search", /U\+0000/],
          ["/v1/executions?correlation_id=%00", "query.correlation_id", /U\+0000/],
          ["/v1/executions?%00=1", "query.\0", /./],
          ["/v1/prompts?search=%ff", "query", /percent-encoded UTF-8/],
          ["/v1/prompts?search=%ed%a0%80", "query", /percent-encoded UTF-8/],
          ["/v1/prompts?search=100%", "query", /percent-encoded UTF-8/],
          ["/v1/prompts/a%00b", "params.name", /letters, digits/],
          ["/v1/prompts/%ed%a0%80", "params", /percent-encoded UTF-8/],
          ["/v1/prompts/a;b", "params", /percent-encoded/],
          ["/v1/prompts/a%3Bb", "params.name", /letters, digits/],
          ["/v1/models;x=1", "params", /percent-encoded/],
          ["/v1/prompts;limit=1", "params", /percent-encoded/],
          ["/v1/prompts?limit=1&limit=2", "query.limit", /once/],
          [`/v1/prompts/${"n".repeat(1_000)}`, "params", /fewer characters/],
          [`/v1/executions/${id}%00`, "params.execution_id", /./],
          ["/v1/executions?from=0000-01-01T00:00:00Z", "query.from", /./],
          ["/v1/executions?from=2026-02-30T00:00:00Z", "query.from", /exist/],
          ["/v1/executions?to=2025-02-29T12:00:00%2B02:00", "query.to", /exist/],
          ["/v1/executions?from=2026-01-01T24:00:00Z", "query.from", /exist/],
          ["/v1/executions?from=2026-12-31T23:59:60Z", "query.from", /exist/],
          [`/v1/executions?cursor=${farCursor}`, "query.cursor", /./],
          [`/v1/executions/${id}?wait=1e400`, "query.wait", /./],
          ["/v1/prompts?limit=12345678901234567890", "query.limit", /./],
          ["/v1/prompts/x/versions/9007199254740993", "params.version_number", /./]
        ] as const) {
          assertFault(yield* call("GET", path), at, message)
        }
        const found = yield* call("GET", "/v1/prompts?search=12345678901234567890")
        assert.strictEqual(found.status, 200)
      })
    )

    it.effect("is a name of letters, digits and _ . - /, up to 255 of them", () =>
      Effect.gen(function* () {
        const unique = newName()
        for (const name of [
          `team/${unique}`,
          `/${unique}//x/`,
          `._-${unique}`,
          `a/../${unique}`,
          "n".repeat(219) + unique.slice(-36),
          `${unique}/versions`,
          `${unique}/versions/1`
        ]) {
          const at = `/v1/prompts/${encodeURIComponent(name)}`
          assert.strictEqual((yield* call("PUT", at, { body: { template_source: name } })).status, 201, name)
          assert.strictEqual((yield* call("GET", at)).body.active_version.template_source, name)
          assert.strictEqual((yield* call("GET", `${at}/versions`)).body.versions.length, 1)
          assert.strictEqual((yield* call("GET", `${at}/versions/1`)).body.template_source, name)
          assert.strictEqual((yield* call("POST", `${at}/versions/1:activate`)).status, 200)
          assert.strictEqual((yield* call("GET", `${at}/history`)).body.prompt_name, name)
          assert.strictEqual((yield* run(name, "{}")).body.prompt_name, name)
        }
        for (const name of ["a b", "é", "a:b", "a\\b", "a%b", "n".repeat(256), "n".repeat(1_000), "\u202e"]) {
          const at = `/v1/prompts/${encodeURIComponent(name)}`
          const answer = yield* call("PUT", at, { body: { template_source: "x" } })
          assert.strictEqual(answer.status, 400, name)
          assert.strictEqual(answer.body.errors[0].path[0], "params")
        }
        const prompts = [".", ".."].map((name) => ({ name, template_source: "x" }))
        const dots = yield* call("POST", "/v1/prompts/register-code", { body: { prompts } })
        assert.deepStrictEqual(
          dots.body.errors.map(({ path }: { readonly path: ReadonlyArray<unknown> }) => path.join(".")),
          ["payload.prompts.0.name", "payload.prompts.1.name"]
        )
      })
    )

    it.effect("is a name whose case matters", () =>
      Effect.gen(function* () {
        const name = newName()
        yield* call("PUT", `/v1/prompts/${name}`, { body: { template_source: "lower" } })
        assert.strictEqual((yield* call("GET", `/v1/prompts/${name.toUpperCase()}`)).status, 404)
        const upper = yield* call("PUT", `/v1/prompts/${name.toUpperCase()}`, {
          body: { template_source: "upper" }
        })
        assert.strictEqual(upper.status, 201)
        assert.strictEqual(
          (yield* call("GET", `/v1/prompts/${name}`)).body.active_version.template_source,
          "lower"
        )
      })
    )
  })
})
