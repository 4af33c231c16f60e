import { Context, Effect, Layer, Logger, Redacted } from "effect"
import { HttpServer } from "effect/http"
import type { ConnectionLimits } from "../../src/http/nodeServer.ts"
import * as Server from "../../src/http/Server.ts"
import { defaultSettings } from "../../src/services/Settings.ts"
import { Authentication } from "../../src/services/Authentication.ts"
import { KEY, watch } from "./canaries.ts"
import { serviceLayer } from "./service.ts"

export { KEY } from "./canaries.ts"

export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Of any shape: tests look into it. */
  readonly body: any
}

interface Options {
  /** Sent as JSON; a text goes as it is. */
  readonly body?: unknown
  readonly headers?: Record<string, string>
}

type Call = (method: string, path: string, options?: Options) => Effect.Effect<Answer>

/** Calls the API at an address, as a client of any kind would. */
export const callerOf =
  (url: string, key = KEY): Call =>
  (method, path, { body, headers } = {}) =>
    Effect.promise(async () => {
      const response = await fetch(url + path, {
        method,
        headers: {
          "x-api-key": key,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers
        },
        body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body)
      })
      const text = await response.text()
      if (!response.ok) watch(`the answer ${response.status} to ${method} ${path}`, text)
      const json = /json/.test(response.headers.get("content-type") ?? "")
      return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text }
    })

/** The API on a real port, as a caller sees it. */
export class Caller extends Context.Service<Caller, { readonly url: string; readonly call: Call }>()(
  "test/Caller"
) {
  static readonly layer = Layer.effect(
    Caller,
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      const url = HttpServer.formatAddress(address)
      return { url, call: callerOf(url) }
    })
  )
}

/** What the service has logged: a JSON object a line. */
export class Logs extends Context.Service<Logs, Array<string>>()("test/Logs") {}

const logs = Layer.unwrap(
  Effect.sync(() => {
    const lines: Array<string> = []
    const collect = Logger.make((entry) => {
      const line = Logger.formatJson.log(entry)
      watch("a log line", line)
      lines.push(line)
    })
    return Layer.merge(Layer.succeed(Logs, lines), Logger.layer([collect]))
  })
)

const key = Layer.effectDiscard(Authentication.use(({ configure }) => configure(Redacted.make(KEY))))

/** The API over the given services. */
export const apiOver = <A, E, R>(services: Layer.Layer<A, E, R>, limits: Partial<ConnectionLimits> = {}) =>
  Layer.mergeAll(Caller.layer, key).pipe(
    Layer.provideMerge(Server.layer({ port: 0, host: "127.0.0.1", drain: defaultSettings.drain, limits })),
    Layer.provideMerge(services),
    Layer.provideMerge(logs)
  )

/** The whole service in memory behind a real port. */
export const apiLayer = apiOver(serviceLayer)

export const call = (method: string, path: string, options?: Options) =>
  Caller.use((caller) => caller.call(method, path, options))

/** The pages of a list, one after another by their cursors. */
export const pagesOf = Effect.fnUntraced(function* (path: string, member: string) {
  const pages: Array<ReadonlyArray<any>> = []
  const more = path.includes("?") ? "&" : "?"
  let cursor: string | null = ""
  while (cursor !== null) {
    const { body }: Answer = yield* call("GET", cursor === "" ? path : `${path}${more}cursor=${cursor}`)
    pages.push(body[member])
    cursor = body.next_cursor
  }
  return pages
})
