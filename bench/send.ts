import { Effect } from "effect"
import { Agent, request } from "node:http"

export interface Request {
  readonly url: string
  readonly method?: "GET" | "POST" | "PUT"
  readonly headers?: Record<string, string>
  readonly body?: string
}

interface Answer {
  readonly status: number
  readonly body: any
}

const agent = new Agent({ keepAlive: true })

/** One request from this process, for what has to happen once. */
export const send = ({ url, method = "GET", headers = {}, body }: Request) =>
  Effect.callback<Answer, Error>((resume) => {
    const outgoing = request(url, { method, headers, agent }, (response) => {
      let text = ""
      response.setEncoding("utf8")
      response.on("data", (piece: string) => (text += piece))
      response.on("end", () => {
        const json = response.headers["content-type"]?.startsWith("application/") ?? false
        resume(Effect.succeed({ status: response.statusCode!, body: json ? JSON.parse(text) : text }))
      })
    })
    outgoing.on("error", (error) => resume(Effect.fail(error)))
    outgoing.end(body)
  })

/** One request that has to succeed; gives the body of its answer. */
export const ask = (asked: Request) =>
  Effect.flatMap(Effect.orDie(send(asked)), ({ status, body }) =>
    status < 300
      ? Effect.succeed(body)
      : Effect.die(new Error(`${asked.method ?? "GET"} ${asked.url}: ${status} ${JSON.stringify(body)}`))
  )
