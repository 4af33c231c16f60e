import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Option, Redacted, Stream } from "effect"
import type { Scope } from "effect"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import type { Server } from "node:http"
import { createSecureServer } from "node:http2"
import type { Http2SecureServer } from "node:http2"
import { connect } from "node:net"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { getCACertificates, setDefaultCACertificates } from "node:tls"
import OpenAI from "openai"
import { vi } from "vitest"
import { append, emptyCompletion } from "../../src/domain/completion.ts"
import { isRetryable } from "../../src/domain/providerError.ts"
import { echo } from "../../src/layers/memory/echo.ts"
import { boundedFetch } from "../../src/layers/openai/boundedFetch.ts"
import { openAiProvider } from "../../src/layers/openai/OpenAiProvider.ts"
import type { CompletionRequest, Provider } from "../../src/services/Providers.ts"
import { PROVIDER_KEY as KEY } from "../support/canaries.ts"
import {
  closesEarly,
  fails,
  fakeOpenAi,
  floods,
  hangs,
  redirects,
  resets,
  says,
  sends,
  stalls
} from "../support/fakeOpenAi.ts"

const request = (content = "Say hello", params: CompletionRequest["params"] = {}): CompletionRequest => ({
  model_name: "some-model",
  messages: [{ role: "user", content }],
  params
})

const complete = (provider: Provider, asked = request()) =>
  Stream.runFold(provider.complete(asked), () => emptyCompletion, append)

const openAi = Effect.fnUntraced(function* (api: "chat_completions" | "responses" = "chat_completions") {
  const fake = yield* fakeOpenAi
  return { fake, provider: openAiProvider({ apiKey: Redacted.make(KEY), baseUrl: fake.url, api }) }
})

const providers: Record<string, Effect.Effect<Provider, never, Scope.Scope>> = {
  echo: Effect.succeed(echo),
  "OpenAI, chat completions": Effect.map(openAi("chat_completions"), ({ provider }) => provider),
  "OpenAI, responses": Effect.map(openAi("responses"), ({ provider }) => provider)
}

/** What every provider keeps to. */
describe.each(Object.entries(providers))("Provider, %s", (name, make) => {
  it.live("answers with a text and counts the tokens of both sides", () =>
    Effect.gen(function* () {
      const provider = yield* make
      const { text, prompt_tokens, response_tokens } = yield* complete(provider)
      assert.isNotEmpty(text)
      assert.isAbove(prompt_tokens!, 0)
      assert.isAbove(response_tokens!, 0)
      assert.strictEqual(provider.name, name === "echo" ? "echo" : "openai")
    })
  )

  it.live("answers many at once", () =>
    Effect.gen(function* () {
      const provider = yield* make
      const answers = yield* Effect.forEach(
        Array.from({ length: 20 }, (_, index) => request(`call ${index}`)),
        (asked) => complete(provider, asked),
        { concurrency: "unbounded" }
      )
      assert.lengthOf(answers, 20)
    })
  )
})

describe("echo", () => {
  it.effect("says that it is the echo, and what it was sent", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* complete(echo, request("Hello Ada"))).text, "[echo] Hello Ada")
    })
  )
})

describe("OpenAI", () => {
  it.live("logs nothing by itself, whatever the environment asks of the package", () =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => vi.stubEnv("OPENAI_LOG", "debug")),
        () => Effect.sync(() => vi.unstubAllEnvs())
      )
      const said = vi.spyOn(console, "debug").mockImplementation(() => {})
      const { fake, provider } = yield* openAi()
      fake.behave(fails(400, "no"))
      yield* Effect.flip(complete(provider))
      assert.lengthOf(said.mock.calls, 0)
      said.mockRestore()
    })
  )

  it.live("maps messages and parameters to chat completions", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi()
      const params = {
        max_new_tokens: 64,
        temperature: 0.2,
        top_p: 0.9,
        frequency_penalty: 1,
        presence_penalty: -1,
        stop: ["END"],
        seed: 7
      }
      const completion = yield* complete(provider, request("Say hello", params))
      assert.deepStrictEqual(completion, {
        text: "hello",
        prompt_tokens: 11,
        response_tokens: 7,
        provider_request_id: "req_fake"
      })
      const [call] = fake.calls
      assert.strictEqual(call!.path, "/v1/chat/completions")
      assert.strictEqual(call!.headers.authorization, `Bearer ${KEY}`)
      const { max_new_tokens, ...rest } = params
      assert.deepStrictEqual(call!.body, {
        model: "some-model",
        messages: [{ role: "user", content: "Say hello" }],
        ...rest,
        max_completion_tokens: max_new_tokens
      })
    })
  )

  it.live("maps messages and parameters to responses, and keeps nothing there", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi("responses")
      const completion = yield* complete(
        provider,
        request("Hi", { max_new_tokens: 5, temperature: 1, top_p: 0.5 })
      )
      assert.deepInclude(completion, { text: "hello", prompt_tokens: 11, response_tokens: 7 })
      assert.deepStrictEqual(fake.calls[0]!.body, {
        model: "some-model",
        input: [{ role: "user", content: "Hi" }],
        store: false,
        max_output_tokens: 5,
        temperature: 1,
        top_p: 0.5
      })
    })
  )

  it.live("refuses a parameter that the Responses API lacks, without a call", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi("responses")
      const error = yield* Effect.flip(complete(provider, request("Hi", { seed: 1 })))
      assert.deepInclude(error, { reason: "rejected", http_status: null })
      assert.include(error.detail, "seed")
      assert.lengthOf(fake.calls, 0)
    })
  )

  for (const [status, reason, retryable] of [
    [400, "rejected", false],
    [401, "rejected", false],
    [403, "rejected", false],
    [404, "rejected", false],
    [408, "rejected", false],
    [409, "rejected", false],
    [422, "rejected", false],
    [429, "rate_limited", true],
    [500, "server_error", true],
    [503, "server_error", true]
  ] as const) {
    it.live(`tells ${status} as ${reason}, after one call`, () =>
      Effect.gen(function* () {
        const { fake, provider } = yield* openAi()
        fake.behave(fails(status, "the message"))
        const error = yield* Effect.flip(complete(provider))
        assert.deepInclude(error, { reason, http_status: status, provider_request_id: "req_fake" })
        assert.include(error.detail, "the message")
        assert.strictEqual(isRetryable(error), retryable)
        assert.lengthOf(fake.calls, 1)
      })
    )
  }

  it.live("hears how long it is to wait, in seconds and as a date", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi()
      const waitOf = (header: string) => {
        fake.behave(fails(429, "slow down", { "retry-after": header }))
        return Effect.map(Effect.flip(complete(provider)), ({ retry_after }) =>
          Option.getOrUndefined(Option.map(retry_after, Duration.toSeconds))
        )
      }
      assert.strictEqual(yield* waitOf("7"), 7)
      assert.strictEqual(yield* waitOf("1.5"), 1.5)
      assert.isAbove((yield* waitOf(new Date(Date.now() + 60_000).toUTCString()))!, 50)
      assert.strictEqual(yield* waitOf(new Date(0).toUTCString()), 0)
      assert.isUndefined(yield* waitOf("soon"))
    })
  )

  it.live("waits until a date by the provider's clock, or its own where the provider tells no time", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi()
      const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000).toUTCString()
      const waitOf = (retryAt: number, now: string | undefined) => {
        fake.behave((call, response) => {
          response.sendDate = false
          fails(429, "slow down", {
            "retry-after": inSeconds(retryAt),
            ...(now !== undefined && { date: now })
          })(call, response)
        })
        return Effect.map(Effect.flip(complete(provider)), ({ retry_after }) =>
          Duration.toSeconds(Option.getOrThrow(retry_after))
        )
      }
      for (const offset of [-3_600, 3_600]) {
        assert.approximately(yield* waitOf(offset + 20, inSeconds(offset)), 20, 1)
      }
      for (const none of [undefined, "soon"]) assert.approximately(yield* waitOf(20, none), 20, 2)
    })
  )

  it.live("takes out its own key, and whatever looks like one, from what the provider says", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi()
      fake.behave(
        fails(
          401,
          `Incorrect API key provided: ${KEY}, or sk-proj-abcdefgh12345 or Bearer abc.def or ` +
            Buffer.from(KEY).toString("base64")
        )
      )
      const { detail } = yield* Effect.flip(complete(provider))
      assert.notInclude(detail, KEY)
      assert.notInclude(detail, "abcdefgh12345")
      assert.notInclude(detail, "abc.def")
      assert.notInclude(detail, Buffer.from(KEY).toString("base64"))
      assert.include(detail, "Incorrect API key provided: [redacted]")
    })
  )

  it.live("calls its own address, whatever the request says", () =>
    Effect.gen(function* () {
      for (const api of ["chat_completions", "responses"] as const) {
        const { fake, provider } = yield* openAi(api)
        const elsewhere = "http://127.0.0.1:1/steal"
        for (const model_name of [elsewhere, "../../steal", "x?y=z#", "x\r\nHost: elsewhere", "//steal"]) {
          const asked = { ...request(elsewhere), model_name }
          assert.strictEqual((yield* complete(provider, asked)).text, "hello")
        }
        const path = api === "responses" ? "/v1/responses" : "/v1/chat/completions"
        assert.deepStrictEqual([...new Set(fake.calls.map((call) => call.path))], [path])
        assert.lengthOf(fake.calls, 5)
      }
    })
  )

  it.live("follows no redirect, and so takes its key nowhere", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi()
      const other = yield* fakeOpenAi
      fake.behave(redirects(`${other.url}/chat/completions`))
      const error = yield* Effect.flip(complete(provider))
      assert.include(error.detail, "redirects")
      assert.lengthOf(other.calls, 0)
    })
  )

  for (const [what, behaviour, reason] of [
    ["a reset connection", resets, "connection"],
    ["a connection closed in the body", closesEarly, "connection"],
    ["a status that is none", fails(999), "invalid_response"],
    ["a redirect", redirects("http://127.0.0.1:1/steal"), "invalid_response"],
    ["an answer of 300 MB", floods(300 * 1024 * 1024), "invalid_response"]
  ] as const) {
    it.live(`tells ${what} as ${reason}, after one call`, () =>
      Effect.gen(function* () {
        const { fake, provider } = yield* openAi()
        fake.behave(behaviour)
        const error = yield* Effect.flip(complete(provider))
        assert.strictEqual(error.reason, reason)
        assert.lengthOf(fake.calls, 1)
      })
    )
  }

  const unlike = ["<html>", "", "null", "7", '"hello"', "[]", '{"object":"list"}']
  const message = (content: unknown) => JSON.stringify({ output: [{ type: "message", content }] })
  const answersUnlike = {
    chat_completions: [
      ...unlike,
      '{"choices":{}}',
      '{"choices":[null]}',
      ...["null", '"hello"', "[]", '{"content":7}', '{"content":[{"text":"x"}]}', '{"refusal":{}}'].map(
        (said) => `{"choices":[{"message":${said}}]}`
      )
    ],
    responses: [
      ...unlike,
      '{"output":{}}',
      '{"output":[null]}',
      '{"output":["hello"]}',
      '{"output":[{"content":[]}]}',
      '{"output":[{"type":"message"}]}',
      ...["hello", null, {}, [null], ["hello"], [{ text: "hello" }]].map(message),
      message([{ type: "output_text", text: 7 }]),
      message([{ type: "output_text", text: "hello" }, { type: "refusal" }]),
      '{"status":"queued","output":[]}',
      '{"status":{},"output":[]}'
    ]
  } as const

  for (const api of ["chat_completions", "responses"] as const) {
    it.live(`tells an answer that is not as ${api} has it as invalid, and not to be bought again`, () =>
      Effect.gen(function* () {
        const { fake, provider } = yield* openAi(api)
        for (const body of answersUnlike[api]) {
          fake.behave(sends(body))
          const error = yield* Effect.flip(complete(provider))
          assert.deepInclude(error, { reason: "invalid_response", http_status: null }, body)
          assert.isFalse(isRetryable(error))
        }
        assert.lengthOf(fake.calls, answersUnlike[api].length)
      })
    )
  }

  it.live("tells a server that is not there as a lost connection", () =>
    Effect.gen(function* () {
      const provider = openAiProvider({
        apiKey: undefined,
        baseUrl: "http://127.0.0.1:9/v1",
        api: "chat_completions"
      })
      assert.strictEqual((yield* Effect.flip(complete(provider))).reason, "connection")
    })
  )

  it.live("sends each call its own body, under the headers that the package would make for it", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi()
      const client = new OpenAI({ apiKey: KEY, baseURL: fake.url, maxRetries: 0 })
      const messages = [{ role: "user", content: "Grüß Gott 🙂" }] as const
      yield* Effect.promise(() =>
        client.chat.completions.create({ model: "some-model", messages: [...messages] })
      )
      for (const content of [messages[0].content, "another"]) yield* complete(provider, request(content))
      const [byPackage, first, second] = fake.calls
      assert.deepStrictEqual(first!.body, byPackage!.body)
      assert.deepStrictEqual(second!.body.messages, [{ role: "user", content: "another" }])
      // What concerns the connection, and not the call.
      const ownWords = /^(?:connection|accept-language|sec-fetch-mode|accept-encoding|content-length)$/
      const headersOf = ({ headers }: typeof byPackage & {}) =>
        Object.fromEntries(Object.entries(headers).filter(([name]) => !ownWords.test(name)))
      for (const call of [first!, second!]) assert.deepStrictEqual(headersOf(call), headersOf(byPackage!))
    })
  )

  it.live("ends no other call with the one that is interrupted", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi()
      const called = yield* Deferred.make<void>()
      const waiting: Array<() => void> = []
      fake.behave((call, response) => {
        waiting.push(() => says("late")(call, response))
        if (waiting.length === 2) Deferred.doneUnsafe(called, Effect.void)
      })
      const [one, two] = [
        yield* Effect.forkChild(complete(provider)),
        yield* Effect.forkChild(complete(provider))
      ]
      yield* Deferred.await(called)
      yield* Fiber.interrupt(one)
      waiting.forEach((answer) => answer())
      assert.strictEqual((yield* Fiber.join(two)).text, "late")
    })
  )

  for (const [what, behaviour] of [
    ["before the headers", hangs],
    ["in the body", stalls]
  ] as const) {
    it.live(`hangs up on a call that hangs ${what} when it is interrupted`, () =>
      Effect.gen(function* () {
        const { fake, provider } = yield* openAi()
        const called = yield* Deferred.make<void>()
        const hungUp = yield* Deferred.make<void>()
        fake.behave((call, response) => {
          behaviour(call, response)
          response.once("close", () => Deferred.doneUnsafe(hungUp, Effect.void))
          Deferred.doneUnsafe(called, Effect.void)
        })
        const calling = yield* Effect.forkChild(complete(provider))
        yield* Deferred.await(called)
        yield* Fiber.interrupt(calling)
        yield* Deferred.await(hungUp)
      })
    )
  }

  it.live("takes a refusal for the answer", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi()
      fake.behave(
        sends(
          '{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I will not"}}]}'
        )
      )
      const completion = yield* complete(provider)
      assert.deepStrictEqual(completion, {
        text: "I will not",
        prompt_tokens: null,
        response_tokens: null,
        provider_request_id: "req_fake"
      })
    })
  )

  it.live("takes no content for an empty text, as of a filter or a call of tools", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi()
      fake.behave(sends('{"choices":[{"message":{"content":null},"finish_reason":"content_filter"}]}'))
      assert.strictEqual((yield* complete(provider)).text, "")
    })
  )

  it.live("takes all texts and refusals of a response, in their order, and nothing else of it", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi("responses")
      const output = [
        { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] },
        {
          type: "message",
          content: [
            { type: "output_text", text: "one, " },
            { type: "refusal", refusal: "not two, " },
            { type: "other", text: "hm" }
          ]
        },
        { type: "message", content: [] },
        { type: "message", content: [{ type: "output_text", text: "three" }] }
      ]
      const usage = { input_tokens: 3, output_tokens: 5 }
      for (const status of [undefined, null, "completed", "incomplete"]) {
        fake.behave(sends(JSON.stringify({ id: "resp_1", status, output, usage })))
        assert.deepStrictEqual(yield* complete(provider), {
          text: "one, not two, three",
          prompt_tokens: 3,
          response_tokens: 5,
          provider_request_id: "req_fake"
        })
      }
      fake.behave(sends('{"status":"completed","output":[]}'))
      assert.strictEqual((yield* complete(provider)).text, "")
    })
  )

  it.live("tells why a response has no text", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi("responses")
      const failureOf = (answer: object) => {
        fake.behave(sends(JSON.stringify({ id: "resp_1", output: [], ...answer })))
        return Effect.flip(complete(provider))
      }
      for (const [code, reason] of [
        ["server_error", "server_error"],
        ["rate_limit_exceeded", "rate_limited"],
        ["invalid_prompt", "rejected"],
        [undefined, "rejected"]
      ] as const) {
        const error = { code, message: `refused by ${KEY}` }
        assert.deepInclude(yield* failureOf({ status: "failed", error }), {
          reason,
          detail: "refused by [redacted]",
          http_status: null,
          provider_request_id: "req_fake"
        })
      }
      for (const error of [undefined, null, "no", { message: {} }]) {
        assert.deepInclude(yield* failureOf({ status: "failed", error }), {
          reason: "rejected",
          detail: "the provider failed, and does not say why"
        })
      }
      for (const [incomplete_details, why] of [
        [{ reason: "max_output_tokens" }, " (max_output_tokens)"],
        [{ reason: {} }, ""],
        [null, ""]
      ] as const) {
        assert.deepInclude(yield* failureOf({ status: "incomplete", incomplete_details }), {
          reason: "invalid_response",
          detail: `the answer is incomplete, and has no text${why}`,
          provider_request_id: "req_fake"
        })
      }
    })
  )
})

describe("boundedFetch", () => {
  it.live("reads an answer of exactly the bound, and no more than that", () =>
    Effect.gen(function* () {
      const fake = yield* fakeOpenAi
      fake.behave(sends("x".repeat(100)))
      const read = (maximum: number) =>
        Effect.promise(() =>
          boundedFetch(maximum)(fake.url, { method: "POST", body: "{}" }).then(
            (response) => response.text(),
            (cause: unknown) => String(cause)
          )
        )
      assert.strictEqual(yield* read(100), "x".repeat(100))
      assert.include(yield* read(99), "larger than 99 bytes")
    })
  )

  it.live("asks for an answer that is not packed, and reads none that is", () =>
    Effect.gen(function* () {
      const { fake, provider } = yield* openAi()
      yield* complete(provider)
      assert.strictEqual(fake.calls[0]!.headers["accept-encoding"], "identity")
      const read = (encoding: string) => {
        fake.behave((_, response) => response.writeHead(200, { "content-encoding": encoding }).end("x"))
        return Effect.promise(() =>
          boundedFetch()(fake.url, { method: "POST", body: "{}" }).then(
            (response) => response.text(),
            (cause: unknown) => String(cause)
          )
        )
      }
      assert.include(yield* read("gzip"), "is encoded")
      for (const none of ["identity", "Identity"]) assert.strictEqual(yield* read(none), "x")
    })
  )

  it.live("speaks HTTP/1.1 where HTTP/2 is offered, to the provider and to a proxy", () =>
    Effect.gen(function* () {
      const pem = readFileSync(join(import.meta.dirname, "../support/localhost.pem"), "utf8")
      const trusted = getCACertificates()
      yield* Effect.acquireRelease(
        Effect.sync(() => setDefaultCACertificates([...trusted, pem])),
        () => Effect.sync(() => setDefaultCACertificates(trusted))
      )
      const spoken: Array<string | false | null> = []
      const server = yield* Effect.acquireRelease(
        Effect.callback<Http2SecureServer>((resume) => {
          const offering = createSecureServer({ key: pem, cert: pem, allowHTTP1: true }, (_, response) => {
            response.setHeader("connection", "close")
            response.end("hello")
          })
          offering.on("secureConnection", ({ alpnProtocol }) => spoken.push(alpnProtocol))
          offering.listen(0, "127.0.0.1", () => resume(Effect.succeed(offering)))
        }),
        (offering) => Effect.sync(() => offering.close())
      )
      const url = `https://localhost:${(server.address() as AddressInfo).port}`
      const call = Effect.promise((signal) =>
        boundedFetch()(url, { method: "POST", body: "{}", signal }).then(
          (response) => response.text(),
          () => "no tunnel"
        )
      )
      assert.strictEqual(yield* call, "hello")
      yield* Effect.acquireRelease(
        Effect.sync(() => vi.stubEnv("https_proxy", url)),
        () => Effect.sync(() => vi.unstubAllEnvs())
      )
      assert.strictEqual(yield* call, "no tunnel")
      assert.deepStrictEqual(spoken, ["http/1.1", "http/1.1"])
    })
  )

  it.live("goes by the proxy that the environment names", () =>
    Effect.gen(function* () {
      const fake = yield* fakeOpenAi
      fake.behave(sends("by the proxy"))
      const asked: Array<string> = []
      const proxy = yield* Effect.acquireRelease(
        Effect.callback<Server>((resume) => {
          const server = createServer(({ url }, response) => {
            asked.push(url!)
            response.end("by the proxy")
          })
          server.on("connect", ({ url }, socket) => {
            asked.push(url!)
            const upstream = connect(Number(new URL(fake.url).port), "127.0.0.1", () => {
              socket.write("HTTP/1.1 200 OK\r\n\r\n")
              upstream.pipe(socket).pipe(upstream)
            })
            for (const one of [socket, upstream]) one.on("error", () => {})
          })
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => (server.closeAllConnections(), server.close()))
      )
      const { port } = proxy.address() as AddressInfo
      const text = yield* Effect.acquireUseRelease(
        Effect.sync(() => vi.stubEnv("http_proxy", `http://127.0.0.1:${port}`)),
        () =>
          Effect.promise(async () => {
            const response = await boundedFetch()(fake.url, { method: "POST", body: "{}" })
            return response.text()
          }),
        () => Effect.sync(() => vi.unstubAllEnvs())
      )
      assert.strictEqual(text, "by the proxy")
      assert.lengthOf(asked, 1)
      assert.include(asked[0], new URL(fake.url).host)
    })
  )

  it.live("gives an answer without a body as it is", () =>
    Effect.gen(function* () {
      const fake = yield* fakeOpenAi
      fake.behave((_, response) => response.writeHead(204).end())
      const response = yield* Effect.promise(() => boundedFetch()(fake.url, { method: "POST", body: "{}" }))
      assert.strictEqual(response.status, 204)
    })
  )
})
