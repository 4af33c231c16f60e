import { assert, describe, it as plain, layer } from "@effect/vitest"
import { Cause, Context, Effect, Exit, Layer, Redacted, References } from "effect"
import { inspect } from "node:util"
import { openAiProvider } from "../../src/layers/openai/OpenAiProvider.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { apiOver, call, KEY, Logs } from "../support/api.ts"
import type { Answer } from "../support/api.ts"
import { canariesIn, PROVIDER_KEY } from "../support/canaries.ts"
import { newDatabase } from "../support/database.ts"
import { fails, says, sends } from "../support/fakeOpenAi.ts"
import { newName } from "../support/ledger.ts"
import { proxyTo, through } from "../support/proxy.ts"
import type { Proxy } from "../support/proxy.ts"
import { Provider, until } from "../support/service.ts"

/** What must be found nowhere but where it belongs. */
const CANARY = {
  apiKey: KEY,
  otherKey: "another-key-that-nobody-knows",
  providerKey: "provider+key/4d1f0a7be0c94e3",
  password: "pass-word-9b1d7c",
  prompt: "the text of the prompt is a trade secret",
  variable: "ada-lovelace-1815-patient-7",
  providerSecret: "tok_51Habcdefghijklmnop"
}
const BASE64 = Buffer.from(CANARY.providerKey).toString("base64")

class DatabaseProxy extends Context.Service<DatabaseProxy, Proxy>()("test/DatabaseProxy") {}

/** The service over a PostgreSQL that can be taken away, by a URL with a password in it. */
const service = Layer.unwrap(
  Effect.gen(function* () {
    const url = new URL(Redacted.value(yield* newDatabase))
    if (url.password === "") url.password = CANARY.password
    const proxy = yield* proxyTo(url.href)
    const { url: baseUrl } = yield* Provider
    const apiKey = Redacted.make(CANARY.providerKey)
    return PromptLedger.layerPostgres({
      url: Redacted.make(through(proxy, url.href)),
      providers: [openAiProvider({ apiKey, baseUrl, api: "chat_completions" })]
    }).pipe(Layer.provideMerge(Layer.succeed(DatabaseProxy, proxy)))
  })
).pipe(
  Layer.provideMerge(Provider.layer),
  Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "Trace"))
)

const model = { provider: "openai", model_name: "gpt-4o" }
const variables = { name: CANARY.variable, items: [CANARY.variable] }
const template_source = `${CANARY.prompt}: {{ name }} {{ items | join(" ") }}`

/** Which of the canaries stand in a text, also as a JSON string has them, or base64. */
const foundIn = (text: string) =>
  [...Object.values(CANARY), BASE64, BASE64.slice(0, 24)].filter(
    (canary) => text.includes(canary) || text.includes(JSON.stringify(canary).slice(1, -1))
  )

const assertClean = (answer: Answer) => {
  assert.isAtLeast(answer.status, 400)
  const text = JSON.stringify(answer.body)
  assert.isEmpty(foundIn(text), text)
  assert.notMatch(text, /node_modules|\.[tj]s:\d|\bat \w+ \(|SELECT |INSERT |relation "|violates/, text)
  return answer
}

layer(apiOver(service), { timeout: "60 seconds", excludeTestServices: true })("secrets and texts", (it) => {
  const put = (name: string, source = template_source) =>
    call("PUT", `/v1/prompts/${name}`, { body: { template_source: source } })
  const start = (prompt_name: string, more: object = {}) => ({
    body: { prompt_name, variables, model, ...more }
  })
  const run = (prompt_name: string, more?: object) =>
    call("POST", "/v1/executions:run", start(prompt_name, more))
  const assertLogsClean = Effect.gen(function* () {
    for (const line of yield* Logs) assert.isEmpty(foundIn(line), line)
  })

  it.effect("are in no log line of calls that go well", () =>
    Effect.gen(function* () {
      const { behave } = yield* Provider
      behave(says(CANARY.providerSecret))
      const name = newName()
      yield* put(name)
      assert.strictEqual((yield* run(name)).status, 200)
      const { body } = yield* call("POST", "/v1/executions:submit", start(name))
      yield* call("GET", `/v1/executions/${body.execution_id}?wait=30`)
      yield* call("GET", `/v1/executions/${body.execution_id}/lineage`)
      yield* call("GET", `/v1/prompts?search=${CANARY.variable}`)
      assert.isNotEmpty((yield* Logs).filter((line) => line.includes(body.execution_id)))
      yield* assertLogsClean
    })
  )

  it.effect("are in no answer to a request that is wrong, though it is told what is", () =>
    Effect.gen(function* () {
      const name = newName()
      yield* put(name)
      const secret = CANARY.variable
      for (const more of [
        { version_number: secret },
        { version_number: 7 },
        { variables: secret },
        { variables: { name: secret } },
        { variables: { ...variables, [`x`]: [`${secret}\0`] } },
        { model: { provider: secret, model_name: secret } },
        { model: secret },
        { params: { temperature: secret, stop: [secret, secret, secret, secret, secret] } },
        { environment: `${secret}!` },
        { correlation_id: [secret] },
        { idempotency_key: `${secret}é` },
        { prompt_name: `${secret}!` }
      ]) {
        assertClean(yield* run(name, more))
      }
      for (const body of [`{"prompt_name": "${secret}`, `${secret}`, `{"a":"${secret}",}`, `"${secret}"`]) {
        assertClean(yield* call("POST", "/v1/executions:run", { body }))
      }
      for (const query of ["cursor", "status", "from", "limit", "environment", "version_number"]) {
        assertClean(yield* call("GET", `/v1/executions?${query}=${encodeURIComponent(`${secret}!`)}`))
      }
      assertClean(yield* call("GET", "/v1/prompts", { headers: { "x-api-key": CANARY.otherKey } }))
      assertClean(
        yield* call("POST", "/v1/executions:run", {
          ...start(name),
          headers: { "idempotency-key": "x".repeat(256) }
        })
      )
      yield* assertLogsClean
    })
  )

  it.effect("are in no answer to a template that fails", () =>
    Effect.gen(function* () {
      for (const broken of [
        "{% if %}",
        "{% for %}",
        "{{ a() }}",
        "{{ a.constructor.b() }}",
        "{{ 1 +",
        "{% include 'x' %}"
      ]) {
        assertClean(yield* put(newName(), `${CANARY.prompt} ${broken} ${CANARY.prompt}`))
      }
      for (const failing of [
        "{{ name | round }}",
        "{{ name | sum }}",
        "{{ name.a.b.c }}",
        "{{ name ** 2 }}",
        "{{ name - items }}",
        "{{ range(name) }}",
        "{{ items | dictsort }}",
        "{{ name | slice(name) }}",
        "{{ missing }}{{ name }}"
      ]) {
        const name = newName()
        yield* put(name, `${CANARY.prompt} ${failing}`)
        assertClean(yield* run(name))
      }
      yield* assertLogsClean
    })
  )

  it.effect("are in no answer and no row when the provider quotes them", () =>
    Effect.gen(function* () {
      const { behave } = yield* Provider
      const name = newName()
      yield* put(name)
      const rendered = `${CANARY.prompt}: ${CANARY.variable} ${CANARY.variable}`
      for (const said of [
        `Incorrect API key provided: ${CANARY.providerKey}. You can find yours elsewhere.`,
        `api_key=${CANARY.providerSecret}&x=1`,
        `{"apiKey": "${CANARY.providerSecret}"}`,
        `Authorization: Basic ${BASE64}`,
        `Authorization: Bearer ${CANARY.providerSecret}`,
        `the key ${BASE64} is not known`,
        `the key ${encodeURIComponent(CANARY.providerKey)} (${CANARY.providerKey}) is not known`,
        `could not reach https://user:${CANARY.providerSecret}@backend/v1`,
        `password: ${CANARY.providerSecret}; token "${CANARY.providerSecret}"`,
        `This was refused: '${rendered}'`,
        `This was refused: '${rendered.slice(0, 50)}…'`,
        `This was refused: ${JSON.stringify({ messages: [{ role: "user", content: rendered }] })}`
      ]) {
        for (const status of [400, 401, 429]) {
          behave(fails(status, said))
          assertClean(yield* run(name))
        }
      }
      for (const body of [CANARY.prompt, `{"error": "${CANARY.providerSecret}"}`, `["${CANARY.variable}"]`]) {
        behave(sends(body))
        assertClean(yield* run(name))
      }

      const { body } = yield* call("GET", `/v1/executions?prompt_name=${name}&limit=200`)
      assert.lengthOf(body.executions, 39)
      for (const { execution_id, error_message } of body.executions) {
        assert.isEmpty(foundIn(error_message), error_message)
        const lineage = yield* call("GET", `/v1/executions/${execution_id}/lineage`)
        for (const attempt of lineage.body.attempts) assert.isEmpty(foundIn(attempt.error_message))
      }
      yield* assertLogsClean
    })
  )

  it.effect("are in no log line and no answer of a bug in our statements", () =>
    Effect.gen(function* () {
      const { behave } = yield* Provider
      behave(says("fine"))
      const { write: sql } = yield* Database
      const name = newName()
      yield* put(name)
      // PostgreSQL quotes the whole row when it breaks a constraint, and the value that it cannot read.
      yield* sql`ALTER TABLE executions ADD CONSTRAINT no_leak CHECK (environment <> 'leak')`
      yield* sql`
        CREATE FUNCTION misread() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM NEW.rendered_prompt::int; RETURN NEW; END $$`
      yield* sql`
        CREATE TRIGGER misread BEFORE INSERT ON executions FOR EACH ROW
        WHEN (NEW.environment = 'misread') EXECUTE FUNCTION misread()`
      for (const environment of ["leak", "misread"]) {
        const answer = yield* run(name, { environment })
        assert.strictEqual(assertClean(answer).status, 500)
        assert.isNotEmpty((yield* Logs).filter((line) => line.includes(answer.body.request_id)))
      }
      yield* assertLogsClean
    })
  )

  it.effect("are in nothing that a database says that cannot be reached at the start", () =>
    Effect.gen(function* () {
      const url = Redacted.make(`postgres://user:${CANARY.password}@127.0.0.1:9/ledger`)
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(PromptLedger.layerPostgres({ url }))))
      assert(Exit.isFailure(exit))
      assert.isEmpty(foundIn(Cause.pretty(exit.cause)))
      assert.isEmpty(foundIn(inspect(exit.cause, { depth: 20, showHidden: true })))
      yield* Effect.logError("cannot start", exit.cause)
      yield* assertLogsClean
    })
  )

  it.effect("are in no log line and no answer while the database is away", () =>
    Effect.gen(function* () {
      const proxy = yield* DatabaseProxy
      const name = newName()
      yield* put(name)
      for (const outage of ["cut", "blackHole"] as const) {
        yield* proxy[outage]
        const answers = yield* Effect.all(
          [
            put(newName()),
            run(name),
            call("POST", "/v1/executions:submit", start(name)),
            call("GET", `/v1/prompts?search=${CANARY.variable}`),
            call("GET", "/v1/prompts", { headers: { "x-api-key": CANARY.otherKey } })
          ],
          { concurrency: "unbounded" }
        )
        for (const answer of answers) assert.strictEqual(assertClean(answer).status, 503)
        yield* proxy.restore
        yield* until(Effect.map(call("GET", "/ready"), ({ status }) => status === 200))
      }
      assert.isNotEmpty((yield* Logs).filter((line) => line.includes("the database is unavailable")))
      yield* assertLogsClean
    })
  )
})

describe("what watches the logs and errors of the whole suite", () => {
  plain("finds keys and texts", () => {
    for (const text of [
      `{"x-api-key":"${KEY}"}`,
      `Incorrect API key provided: ${PROVIDER_KEY}.`,
      JSON.stringify({ rendered_prompt: "Hello Ada" }),
      JSON.stringify(JSON.stringify({ variables: { name: "Ada" } })),
      "unexpected token in 'Hello {{ name }'"
    ]) {
      assert.lengthOf(canariesIn(text), 1, text)
    }
    assert.isEmpty(canariesIn('{"execution_id":"01a21877-Adam","status":"succeeded"}'))
  })
})
