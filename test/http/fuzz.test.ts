import { assert, describe, it as plain, layer } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Schema } from "effect"
import { HttpClientRequest, HttpClientResponse } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { Agent, request as send } from "node:http"
import { Api } from "../../src/http/api/Api.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { apiOver, call, Caller } from "../support/api.ts"
import { watch } from "../support/canaries.ts"
import { operations, requestsFor } from "../support/fuzz.ts"
import type { FuzzRequest, Known, Operation } from "../support/fuzz.ts"
import { newName } from "../support/ledger.ts"
import { answerMisfit, documented, requestMisfit } from "../support/openApi.ts"
import { Random } from "../support/Random.ts"

const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31))
const PER_OPERATION = Number(process.env["RUNS"] ?? 300)
const AT_ONCE = 8
const PATIENCE = "20 seconds"

const MODEL = { provider: "echo", model_name: "echo" }
const TEMPLATES = ["Hello", "Hello {{ name }}", "{{ a }}{% if b %}{{ c | upper }}{% endif %}", "{{ 1 + n }}"]

/** A ledger with something in it, as requests name it. */
class Ledger extends Context.Service<Ledger, Known>()("test/Ledger") {
  static readonly layer = Layer.effect(
    Ledger,
    Effect.gen(function* () {
      const [full, tracking] = [
        [newName(), newName()],
        [newName(), newName()]
      ] as const
      const executions: Array<unknown> = []
      for (const name of full) {
        for (const template_source of TEMPLATES) {
          yield* call("PUT", `/v1/prompts/${name}`, { body: { template_source } })
        }
        const run = { body: { prompt_name: name, version_number: 1, variables: {}, model: MODEL } }
        executions.push((yield* call("POST", "/v1/executions:run", run)).body.execution_id)
        executions.push((yield* call("POST", "/v1/executions:submit", run)).body.execution_id)
      }
      for (const template_source of TEMPLATES) {
        const prompts = tracking.map((name) => ({ name, template_source }))
        yield* call("POST", "/v1/prompts/register-code", { body: { prompts } })
      }
      return {
        name: [...full, ...tracking],
        prompt_name: full,
        version_number: [1, 2, 3, 4, 5],
        version: [1, 2, 3, 4, 5],
        execution_id: executions,
        template_source: [...TEMPLATES, "{% broken", "{{ f() }}"],
        template_hash: [undefined],
        variables: [{}, { name: "Ada", a: 1, b: true, c: "x", n: 2 }, { n: {} }],
        model: [MODEL],
        model_name: [undefined],
        idempotency_key: ["a-key", undefined],
        cursor: [undefined],
        wait: ["0", "0.01"]
      }
    })
  )
}

interface Received {
  readonly status: number
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: Buffer
}

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })

const sent = (url: string, { method, url: path, headers, body }: FuzzRequest) =>
  Effect.callback<Received>((resume) => {
    const { hostname, port } = new URL(url)
    const outgoing = send({ agent, hostname, port, path, method, headers: headers as Record<string, string> })
    let answered = false
    outgoing.on("response", (response) => {
      answered = true
      const chunks: Array<Buffer> = []
      response.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("close", () =>
        resume(
          Effect.succeed({
            status: response.statusCode!,
            headers: response.headers,
            body: Buffer.concat(chunks)
          })
        )
      )
    })
    // Who is refused before the body is sent may find the connection closed while sending it.
    outgoing.on("error", (error) => {
      if (!answered) resume(Effect.die(error))
    })
    outgoing.end(body)
  })

const Problem = Schema.Struct({
  type: Schema.NonEmptyString,
  title: Schema.NonEmptyString,
  status: Schema.Int,
  detail: Schema.NonEmptyString,
  code: Schema.NonEmptyString,
  request_id: Schema.NonEmptyString
})
const isProblem = Schema.is(Problem)

const jsonOf = ({ body }: Received): unknown => {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

/** What a request is told that did not reach the operation, by its method, its path or its length. */
const ELSEWHERE = new Set(["NotFound", "MethodNotAllowed", "HeadersTooLarge"])

const isElsewhere = (answer: Received) => {
  const body = jsonOf(answer)
  return isProblem(body) && ELSEWHERE.has(body.code)
}

/** An operation as the document has it; other spellings of a path are not in it. */
const documentedOf = ({ endpoint }: Operation) => {
  const path = endpoint.path
    .replaceAll(/\/:(\w+)/g, "/{$1}")
    .replace(/^\/v1\/executions\/(run|submit)$/, "/v1/executions:$1")
  return documented.get(`${endpoint.method} ${path}`)!
}

/** What the document, which callers go by, does not say of an answer, or of a request that was taken. */
const undocumented = (operation: Operation, request: FuzzRequest, answer: Received) => {
  const body = jsonOf(answer) ?? answer.body.toString()
  const misfit = answerMisfit(documentedOf(operation), {
    ...answer,
    headers: oneOfEach(answer.headers),
    body
  })
  if (misfit !== undefined) return `does not fit the document: ${misfit}`
  if (answer.status >= 400) return undefined
  const taken = requestMisfit(documentedOf(operation), {
    query: Object.fromEntries(new URLSearchParams(/\?([^#]*)/.exec(request.url)?.[1])),
    headers: oneOfEach(request.headers),
    body: request.body
  })
  return taken === undefined ? undefined : `is to a request that does not fit the document: ${taken}`
}

const oneOfEach = (headers: Received["headers"]) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.toString()]))

/** What is wrong with an answer, if anything. */
const faultOf = Effect.fnUntraced(function* (operation: Operation, request: FuzzRequest, answer: Received) {
  const { status, headers, body } = answer
  if (status >= 500) return "is a 5xx"
  if (headers["x-request-id"] === undefined) return "has no X-Request-Id"
  if (request.method === "HEAD") return undefined
  if (status >= 400) {
    watch(`the answer ${status} to ${operation.name}`, body.toString())
    const problem = jsonOf(answer)
    if (headers["content-type"] !== "application/problem+json") return "is no problem by its content type"
    if (!isProblem(problem)) return "is no problem"
    if (problem.status !== status) return "is a problem of another status"
    if (problem.request_id !== headers["x-request-id"]) return "has another request id"
  }
  if (request.mutations.length > 0 && (request.method !== operation.endpoint.method || isElsewhere(answer))) {
    return undefined
  }
  if (!operation.statuses.includes(status)) return "has a status that is not documented"
  const misfit = undocumented(operation, request, answer)
  if (misfit !== undefined) return misfit
  const decode = HttpApiClient.decodeResponse(Api as never, {
    group: operation.group as never,
    endpoint: operation.endpoint.identifier as never
  }) as unknown as (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown, unknown>
  const decoded = yield* Effect.exit(
    decode(
      HttpClientResponse.fromWeb(
        HttpClientRequest.get("http://localhost/"),
        new Response(new Uint8Array(body), { status, headers: headers as Record<string, string> })
      )
    )
  )
  if (Exit.isSuccess(decoded)) return undefined
  const [reason] = decoded.cause.reasons
  return reason?._tag === "Fail" && isProblem(reason.error) ? undefined : `does not decode: ${decoded.cause}`
})

const shown = ({ method, url, headers, body, mutations }: FuzzRequest) =>
  JSON.stringify({
    mutations,
    method,
    url: url.slice(0, 500),
    headers,
    body: body?.toString().slice(0, 2_000)
  })

layer(Ledger.layer.pipe(Layer.provideMerge(apiOver(PromptLedger.layerMemory()))), {
  timeout: "60 seconds",
  excludeTestServices: true
})(`${PER_OPERATION} requests of all kinds`, (it) => {
  it.effect.each(operations.map((operation) => [operation.name, operation] as const))(
    "to %s are answered as it is documented",
    ([name, operation]) =>
      Effect.gen(function* () {
        const { url } = yield* Caller
        const random = new Random(SEED)
        const requests = yield* requestsFor(operation, PER_OPERATION, yield* Ledger, random)
        const counts: Record<string, number> = {}
        yield* Effect.forEach(
          requests,
          Effect.fnUntraced(function* (request) {
            const answer = yield* Effect.timeoutOrElse(sent(url, request), {
              duration: PATIENCE,
              orElse: () => Effect.die(new Error(`SEED=${SEED} ${name}: no answer\n${shown(request)}`))
            })
            const fault = yield* faultOf(operation, request, answer)
            if (fault !== undefined) {
              const body = answer.body.toString().slice(0, 2_000)
              assert.fail(
                `SEED=${SEED} ${name}: the answer ${fault}\n${shown(request)}\n${answer.status} ${body}`
              )
            }
            const kind = `${request.mutations.length === 0 ? "fits" : "mutated"} ${answer.status}`
            counts[kind] = (counts[kind] ?? 0) + 1
          }),
          { concurrency: AT_ONCE, discard: true }
        )
        if (process.env["SHOW"]) console.log(name, counts)
      }),
    30_000 + 50 * PER_OPERATION
  )
})

describe("the OpenAPI document", () => {
  plain("documents the statuses that operations are held to", () => {
    for (const operation of operations) {
      const { responses } = documentedOf(operation)
      assert.sameMembers(Object.keys(responses).map(Number), [...operation.statuses], operation.name)
    }
  })
})
