/*
 * A provider on loopback that answers every chat completion with the same text, at once, or after as many milliseconds
 * as it was last told: `/takes/50`. At `/calls` it tells what it has seen.
 */
import { createServer } from "node:http"
import type { ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { setTimeout } from "node:timers/promises"

const answer = Buffer.from(
  JSON.stringify({
    id: "chatcmpl-bench",
    object: "chat.completion",
    model: "gpt-4o-mini",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: "A short answer, as a model gives it. ".repeat(6) },
        finish_reason: "stop"
      }
    ],
    usage: { prompt_tokens: 120, completion_tokens: 54, total_tokens: 174 }
  })
)

let delay = 0
let calls = 0
let open = 0
/** When the latest call arrived, by the clock that all processes of a machine share. */
let last = 0n

const send = (response: ServerResponse, body: Buffer) =>
  response
    .writeHead(200, {
      "content-type": "application/json",
      "content-length": body.length,
      "x-request-id": "req_bench"
    })
    .end(body)

const server = createServer(async (request, response) => {
  const [, first, second] = request.url!.split("/", 3)
  if (first === "takes") delay = Number(second)
  if (first !== "v1") {
    return send(response, Buffer.from(JSON.stringify({ calls, open, last: String(last) })))
  }
  last = process.hrtime.bigint()
  calls++
  open++
  request.resume()
  if (delay > 0) await setTimeout(delay)
  open--
  return send(response, answer)
})

server.keepAliveTimeout = 60_000
server.listen(0, "127.0.0.1", () =>
  console.log(`listens on http://127.0.0.1:${(server.address() as AddressInfo).port}`)
)
