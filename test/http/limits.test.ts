import { assert, describe, layer } from "@effect/vitest"
import { ByteSize, Duration, Effect, Fiber } from "effect"
import type { Socket } from "node:net"
import { apiOver, call, KEY } from "../support/api.ts"
import { onCue, says } from "../support/fakeOpenAi.ts"
import { newName } from "../support/ledger.ts"
import { connection, raw } from "../support/raw.ts"
import { Provider, serviceLayer, until } from "../support/service.ts"

const MIB = 1024 * 1024

/** Little patience, so that what is slow elsewhere takes no time here: enough for requests that are sent at once. */
const impatient = apiOver(serviceLayer, {
  headers: Duration.millis(500),
  request: Duration.millis(1_000),
  check: Duration.millis(20)
})
const small = apiOver(serviceLayer, { head: ByteSize.kibibytes(4) })

const PUT = (name: string, ...headers: ReadonlyArray<string>) =>
  [
    `PUT /v1/prompts/${name} HTTP/1.1`,
    "Host: x",
    `X-API-Key: ${KEY}`,
    "Content-Type: application/json",
    ...headers,
    "",
    ""
  ].join("\r\n")

/** Sends the same bytes again as soon as they are taken, until the server hangs up, and tells how many it took. */
const flood = (head: string, chunk: string) =>
  Effect.gen(function* () {
    let taken = 0
    const send = (socket: Socket): void => {
      while (!socket.destroyed && socket.writable) {
        taken += chunk.length
        if (!socket.write(chunk)) return void socket.once("drain", () => send(socket))
      }
    }
    const answer = yield* connection((socket) => {
      socket.write(head)
      send(socket)
    })
    return { answer, taken }
  })

const assertProblem = (answer: string, status: number, code: string) => {
  const [head, body] = answer.split("\r\n\r\n") as [string, string]
  assert.include(head, `HTTP/1.1 ${status} `)
  assert.match(head, /^content-type: application\/problem\+json\r?$/im)
  const problem = JSON.parse(body)
  assert.deepInclude(problem, { status, code })
  assert.include(head.toLowerCase(), `x-request-id: ${problem.request_id}`)
}

const options = { timeout: "60 seconds", excludeTestServices: true } as const

layer(impatient, options)("limits", (it) => {
  describe("of time", () => {
    it.effect("end a request whose headers do not come to an end", () =>
      Effect.gen(function* () {
        assertProblem(yield* raw("GET /health HTTP/1.1\r\nHost: x\r\n"), 408, "RequestTimeout")
        let drip: NodeJS.Timeout | undefined
        const dripped = yield* connection((socket) => {
          socket.write("GET /health HTTP/1.1\r\nX-Drip: ")
          drip = setInterval(() => socket.write("x"), 10)
        })
        clearInterval(drip)
        assertProblem(dripped, 408, "RequestTimeout")
      })
    )

    it.effect("end a request whose body does not come to an end", () =>
      Effect.gen(function* () {
        const name = newName()
        assertProblem(yield* raw(PUT(name, "Content-Length: 100") + '{"temp'), 408, "RequestTimeout")
        assertProblem(
          yield* raw(PUT(name, "Transfer-Encoding: chunked") + '6\r\n{"temp\r\n'),
          408,
          "RequestTimeout"
        )
        assert.strictEqual((yield* call("GET", `/v1/prompts/${name}`)).status, 404)
      })
    )

    it.effect("count only until the request is whole: a long poll and a long run go on", () =>
      Effect.gen(function* () {
        const name = newName()
        const { behave } = yield* Provider
        const provider = onCue(says("at last"))
        behave(provider.behaviour)
        yield* call("PUT", `/v1/prompts/${name}`, { body: { template_source: "x" } })
        const model = { provider: "openai", model_name: "gpt-4o" }
        const running = yield* Effect.forkChild(
          call("POST", "/v1/executions:run", { body: { prompt_name: name, variables: {}, model } })
        )
        const list = call("GET", `/v1/executions?prompt_name=${name}&status=running`)
        yield* until(Effect.map(list, ({ body }) => body.executions.length === 1))
        const { execution_id } = (yield* list).body.executions[0]
        const polled = yield* call("GET", `/v1/executions/${execution_id}?wait=2`)
        assert.deepInclude(polled.body, { status: "running" })
        provider.answer()
        const { status, body } = yield* Fiber.join(running)
        assert.strictEqual(status, 200)
        assert.strictEqual(body.response_text, "at last")
      })
    )
  })
})

layer(small, options)("limits", (it) => {
  describe("of size", () => {
    it.effect("refuse a body by its length, before any of it is read", () =>
      Effect.gen(function* () {
        const name = newName()
        assertProblem(
          yield* raw(PUT(name, `Content-Length: ${MIB + 1}`, "Connection: close")),
          413,
          "PayloadTooLarge"
        )
        const { answer, taken } = yield* flood(PUT(name, `Content-Length: ${1024 * MIB}`), "x".repeat(65_536))
        assertProblem(answer, 413, "PayloadTooLarge")
        assert.isBelow(taken, 32 * MIB)
        const expecting = yield* raw(PUT(name, `Content-Length: ${MIB + 1}`, "Expect: 100-continue"))
        assert.notInclude(expecting, "100 Continue")
        assertProblem(expecting, 413, "PayloadTooLarge")
      })
    )

    it.effect("end a body that says nothing of its length, and swallow no more of it", () =>
      Effect.gen(function* () {
        const chunk = `10000\r\n${"x".repeat(65_536)}\r\n`
        const { answer, taken } = yield* flood(PUT(newName(), "Transfer-Encoding: chunked"), chunk)
        assertProblem(answer, 413, "PayloadTooLarge")
        assert.isBelow(taken, 32 * MIB)
      })
    )

    it.effect("take 5 MB where prompts are registered by the thousand, and no more", () =>
      Effect.gen(function* () {
        const register = (bytes: number) => {
          const prompts = Array.from({ length: 30 }, () => ({
            name: newName(),
            template_source: "x".repeat(170_000)
          }))
          const body = JSON.stringify({ prompts })
          return call("POST", "/v1/prompts/register-code", { body: body.padEnd(bytes) })
        }
        assert.strictEqual((yield* register(5 * MIB)).status, 200)
        assert.strictEqual((yield* register(5 * MIB + 1)).status, 413)
      })
    )

    it.effect("refuse headers that are too large", () =>
      Effect.gen(function* () {
        const answer = yield* raw(`GET /health HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(5_000)}\r\n\r\n`)
        assertProblem(answer, 431, "HeadersTooLarge")
      })
    )

    it.effect("tell a HEAD so without a body, as HTTP has it (RFC 9110, section 9.3.2)", () =>
      Effect.gen(function* () {
        const answer = yield* raw(`HEAD /health HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(5_000)}\r\n\r\n`)
        assert.match(answer, /^HTTP\/1\.1 431 /)
        assert.strictEqual(answer.split("\r\n\r\n")[1], "")
      })
    )
  })

  it.effect("what is no HTTP is refused with a problem too", () =>
    Effect.gen(function* () {
      for (const bytes of [
        "nonsense\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\nX-Id: a\0b\r\n\r\n",
        PUT(newName(), "Content-Length: 1", "Transfer-Encoding: chunked"),
        PUT(newName(), "Content-Length: x")
      ]) {
        assertProblem(yield* raw(bytes), 400, "NotHttp")
      }
    })
  )

  it.effect("so is what this server has no answer to", () =>
    Effect.gen(function* () {
      const health = (...headers: ReadonlyArray<string>) =>
        ["GET /health HTTP/1.1", "Connection: close", ...headers, "", ""].join("\r\n")
      for (const hosts of [[], ["Host: x", "Host: x"], ["Host: x", "host: y"]]) {
        assertProblem(yield* raw(health(...hosts)), 400, "BadRequest")
      }
      assert.include(yield* raw("GET /health HTTP/1.0\r\n\r\n"), "200 OK")
      assertProblem(yield* raw(health("Host: x", "Expect: more")), 417, "ExpectationFailed")
      assertProblem(yield* raw("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"), 405, "MethodNotAllowed")
    })
  )
})
