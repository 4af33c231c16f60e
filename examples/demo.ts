/*
 * The story of PromptLedger, told by a script against an instance of its own: the whole service in memory behind a real
 * port, called by the typed client that is made of the API's contract. `npm run demo`
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Logger, Redacted } from "effect"
import { FetchHttpClient, HttpClientRequest, HttpServer } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { Api, Authentication, Authorization, defaultSettings, PromptLedger, Server } from "promptledger"

const KEY = "the-key-of-the-demo"
const model = { provider: "echo", model_name: "echo" } as const

const bold = (text: string) => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text)
const STEPS = 10
let steps = 0
const step = (title: string) => Console.log(`\n${bold(`${++steps}/${STEPS}  ${title}`)}`)
const tell = (...facts: ReadonlyArray<string>) =>
  Effect.forEach(facts, (fact) => Console.log(`      ${fact}`), { discard: true })

const story = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const baseUrl = HttpServer.formatAddress(address)
  const { prompts, executions, analytics } = yield* HttpApiClient.make(Api, { baseUrl })
  yield* Console.log(
    `An instance of PromptLedger listens on ${baseUrl}. Its answers come from the built-in echo.`
  )

  yield* step("Create a prompt in the registry")
  const greeting = { params: { name: "greeting" } }
  const created = yield* prompts.upsert({ ...greeting, payload: { template_source: "Hello {{ name }}!" } })
  const { version_number, checksum_hash } = created.version
  yield* tell(`version ${version_number}, ${created.version.status}, sha256 ${checksum_hash.slice(0, 12)}…`)

  yield* step("Change it: new content makes a new version, known content makes none")
  for (const template_source of [
    "Dear {{ name }}, welcome to {{ place }}.",
    "Dear {{ name }}, welcome to {{ place }}."
  ]) {
    const { version, version_change } = yield* prompts.upsert({ ...greeting, payload: { template_source } })
    yield* tell(`${version_change}: version ${version.version_number}`)
  }

  yield* step("Run it, and wait for the answer")
  const asked = { prompt_name: "greeting", variables: { name: "Ada", place: "the ledger" }, model }
  const plain = { params: {}, headers: {} }
  const { body: ran } = yield* executions.run({ ...plain, payload: asked })
  const { latency_ms, prompt_tokens, response_tokens } = ran.telemetry
  yield* tell(`"${ran.response_text}"`, `${latency_ms} ms, ${prompt_tokens} + ${response_tokens} tokens`)

  yield* step("What is missing is named before anybody is called")
  const incomplete = { ...asked, variables: {} }
  const refused = yield* Effect.flip(executions.run({ ...plain, payload: incomplete }))
  yield* tell(refused._tag === "UndefinedVariable" ? `400: ${refused.detail}` : refused._tag)

  yield* step("Submit it, and poll: a worker runs it")
  const { body: accepted } = yield* executions.submit({
    ...plain,
    payload: { ...asked, correlation_id: "order-1" }
  })
  const { execution_id } = accepted
  yield* tell(`202: ${accepted.status} as ${execution_id}`)
  const ended = yield* executions.get({ params: { execution_id }, query: { wait: 30 } })
  yield* tell(`${ended.status}: "${ended.response_text}"`)

  yield* step("Send it twice with one key: it is run once")
  const keyed = { params: {}, headers: { "idempotency-key": "order-2" }, payload: asked }
  for (let time = 1; time <= 2; time++) {
    const { headers, body } = yield* executions.run(keyed)
    const replayed = headers["idempotent-replayed"] === "true" ? "replayed" : "run"
    yield* tell(`${replayed}: ${body.execution_id}`)
  }

  yield* step("Roll back, and run the version that was superseded")
  const { active_version } = yield* prompts.activate({ params: { name: "greeting", version_number: 1 } })
  yield* tell(`active again: version ${active_version?.version_number}`)
  const { body: old } = yield* executions.run({ ...plain, payload: { ...asked, version_number: 2 } })
  yield* tell(`version ${old.version_number} on demand: "${old.response_text}"`)

  yield* step(
    "Register prompts that live in code, as a deployment would; then change one, and change it back"
  )
  for (const template_source of [
    "Sum up: {{ text }}",
    "Sum up in a line: {{ text }}",
    "Sum up: {{ text }}"
  ]) {
    const payload = { prompts: [{ name: "summary", template_source }] }
    const { registered } = yield* prompts.registerCode({ payload })
    const { version, change_detected } = registered[0]!
    yield* tell(`version ${version}${change_detected ? ", a change" : ""}`)
  }
  const { body: summary } = yield* executions.execute({
    params: { name: "summary" },
    headers: {},
    payload: { variables: { text: "a long story" }, model }
  })
  yield* tell(summary.mode === "sync" ? `"${summary.response_text}"` : summary.status)

  yield* step("Prove where an answer came from")
  const lineage = yield* executions.lineage({ params: { execution_id } })
  yield* tell(
    `execution ${lineage.execution.execution_id}`,
    `  attempts  ${lineage.attempts.map(({ attempt_number, outcome }) => `${attempt_number}: ${outcome}`).join(", ")}`,
    `  version   ${lineage.version.version_number} of ${lineage.prompt.name}: ${JSON.stringify(lineage.version.template_source)}`,
    `  variables ${JSON.stringify(lineage.variables)}`,
    `  model     ${lineage.model.provider}/${lineage.model.model_name}`
  )

  yield* step("Count")
  const { by_mode } = yield* analytics.prompts({ query: {} })
  yield* tell("mode      prompts  executions  succeeded  failed")
  for (const [mode, figures] of Object.entries(by_mode)) {
    const { prompt_count, execution_count, succeeded, failed } = figures
    const cells = [prompt_count, execution_count, succeeded, failed].map(String)
    const widths = [7, 12, 11, 8]
    yield* tell(mode.padEnd(10) + cells.map((cell, index) => cell.padStart(widths[index]!)).join(""))
  }
  yield* Console.log("\nThat was the story. `npm start` runs the service for good.")
})

const withKey = HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
  next(HttpClientRequest.setHeader(request, "x-api-key", KEY))
)
const instance = Layer.effectDiscard(
  Authentication.use(({ configure }) => configure(Redacted.make(KEY)))
).pipe(
  Layer.provideMerge(Server.layer({ port: 0, host: "127.0.0.1", drain: defaultSettings.drain })),
  Layer.provideMerge(PromptLedger.layerMemory()),
  // The story is told by the script; the service's own log would only interrupt it.
  Layer.provideMerge(Logger.layer([]))
)

NodeRuntime.runMain(Effect.provide(story, [instance, FetchHttpClient.layer, withKey]))
