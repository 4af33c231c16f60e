import { Effect } from "effect"
import { createServer } from "node:http"
import type { IncomingHttpHeaders, ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

/** One call as the stand-in saw it. */
export interface SeenCall {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Record<string, unknown>
}

/** How the stand-in answers a call: a whole answer, or anything that a server can do wrong. */
export type Behaviour = (call: SeenCall, response: ServerResponse) => void

const send = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {}
) => {
  response.writeHead(status, { "content-type": "application/json", "x-request-id": "req_fake", ...headers })
  response.end(typeof body === "string" ? body : JSON.stringify(body))
}

/** A whole answer with this text, in the form of whichever interface was called. */
export const says =
  (text: string, headers: Record<string, string> = {}): Behaviour =>
  ({ path, body }, response) =>
    send(
      response,
      200,
      path.endsWith("/responses")
        ? {
            id: "resp_1",
            object: "response",
            model: body["model"],
            output: [
              {
                type: "message",
                role: "assistant",
                content: [{ type: "output_text", text, annotations: [] }]
              }
            ],
            usage: { input_tokens: 11, output_tokens: 7, total_tokens: 18 }
          }
        : {
            id: "chatcmpl_1",
            object: "chat.completion",
            model: body["model"],
            choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }],
            usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 }
          },
      headers
    )

export const fails =
  (status: number, message = "no", headers: Record<string, string> = {}): Behaviour =>
  (_, response) =>
    send(response, status, { error: { message, type: "test", code: null } }, headers)

/** Sends this body, as it is, with status 200. */
export const sends =
  (body: string): Behaviour =>
  (_, response) =>
    send(response, 200, body)

/** Answers as it is told, and not before. */
export const onCue = (behaviour: Behaviour) => {
  const waiting: Array<() => void> = []
  return {
    behaviour: ((call, response) => {
      waiting.push(() => behaviour(call, response))
    }) as Behaviour,
    /** Answers the calls that wait. */
    answer: () => {
      for (const answer of waiting.splice(0)) answer()
    }
  }
}

/** Never answers. */
export const hangs: Behaviour = () => {}

/** Sends the headers and a part of the body, and then no more. */
export const stalls: Behaviour = (_, response) => {
  response.writeHead(200, { "content-type": "application/json" })
  response.write('{"id":')
}

/** Breaks the connection before it answers. */
export const resets: Behaviour = (_, response) => {
  response.socket!.resetAndDestroy()
}

/** Closes the connection in the middle of the body. */
export const closesEarly: Behaviour = (_, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "1000" })
  response.write('{"id":', () => response.socket!.destroy())
}

/** Sends this many bytes of white space before an answer. */
export const floods =
  (bytes: number): Behaviour =>
  (_, response) => {
    response.writeHead(200, { "content-type": "application/json" })
    const chunk = " ".repeat(64 * 1024)
    let sent = 0
    const more = (): void => {
      while (sent < bytes && !response.destroyed) {
        sent += chunk.length
        if (!response.write(chunk)) return void response.once("drain", more)
      }
      response.end("{}")
    }
    more()
  }

export const redirects =
  (location: string): Behaviour =>
  (_, response) =>
    send(response, 307, "", { location })

/** A server on loopback that speaks OpenAI's protocol, counts the calls it gets and misbehaves as it is told. */
export const fakeOpenAi = Effect.acquireRelease(
  Effect.promise(async () => {
    const calls: Array<SeenCall> = []
    let behaviour: Behaviour = says("hello")
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const call = {
          path: request.url!,
          headers: request.headers,
          body: JSON.parse(Buffer.concat(chunks).toString() || "{}") as Record<string, unknown>
        }
        calls.push(call)
        behaviour(call, response)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const { port } = server.address() as AddressInfo
    return {
      url: `http://127.0.0.1:${port}/v1`,
      calls: calls as ReadonlyArray<SeenCall>,
      /** From now on each call is answered so; an array answers one call each, and the last of it all that follow. */
      behave: (next: Behaviour | ReadonlyArray<Behaviour>) => {
        const rest = typeof next === "function" ? [next] : [...next]
        behaviour = (call, response) => (rest.length > 1 ? rest.shift()! : rest[0]!)(call, response)
      },
      forget: () => {
        calls.length = 0
      },
      server
    }
  }),
  ({ server }) =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
    })
)
