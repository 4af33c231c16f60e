import { EnvHttpProxyAgent } from "undici"
import type { Dispatcher } from "undici"

/** The largest answer that is read from a provider, in bytes. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/** The provider's answer is one that is not read: too long, encoded without being asked to, or one that leads elsewhere. */
export class AnswerRefused extends Error {}

/** The headers that are read. A real answer has thirty. */
const READ = ["x-request-id", "retry-after", "date"]

/** What is asked of a `Response`. One of Node's own takes as long to make as half of the call that it is of. */
const responseOf = (status: number, headers: Map<string, string>, body: Uint8Array) => {
  const text = () => Promise.resolve(new TextDecoder().decode(body))
  return {
    status,
    ok: status < 300,
    url: "",
    headers,
    text,
    json: async () => JSON.parse(await text()) as unknown
  } as unknown as Response
}

/**
 * A `fetch` for the OpenAI package that follows no redirect, since that could lead a key to another host, and reads no
 * more than `maximum` bytes: the package would buffer an answer of any size. It is `undici` without streams, which takes a
 * third of the time of Node's own `fetch`. The environment's proxies hold (`HTTPS_PROXY` and its like).
 */
export const boundedFetch = (maximum = MAX_ANSWER_BYTES): typeof fetch => {
  // In HTTP/2 a call that is given up leaves its connection open, and all others would stay on one that is dead.
  const dispatcher = new EnvHttpProxyAgent({ allowH2: false, proxyTls: { allowH2: false } })
  return (input, init) =>
    new Promise((resolve, reject) => {
      const { origin, pathname, search } = new URL(String(input))
      const signal = init?.signal
      let request: Dispatcher.DispatchController | undefined
      const giveUp = () => {
        reject(signal!.reason)
        request?.abort(signal!.reason)
      }
      const refuse = (why: string) => request!.abort(new AnswerRefused(why))
      signal?.throwIfAborted()
      signal?.addEventListener("abort", giveUp, { once: true })

      let status = 0
      const headers = new Map<string, string>()
      const chunks: Array<Uint8Array> = []
      let read = 0
      dispatcher.dispatch(
        {
          origin,
          path: pathname + search,
          method: (init?.method ?? "GET") as Dispatcher.HttpMethod,
          headers: init?.headers as Headers,
          body: init?.body as string,
          // The caller's deadline covers headers and body.
          headersTimeout: 0,
          bodyTimeout: 0
        },
        {
          onRequestStart: (controller) => {
            request = controller
            if (signal?.aborted) giveUp()
          },
          onResponseStart: (_, statusCode, fields) => {
            if (statusCode < 200) return
            if (statusCode >= 300 && statusCode < 400) {
              return refuse(`the provider redirects (${statusCode}), which is not followed`)
            }
            if (statusCode > 599) return refuse(`the answer has no status of HTTP, but ${statusCode}`)
            if (String(fields["content-encoding"] ?? "identity").toLowerCase() !== "identity") {
              return refuse("the answer is encoded, which it was not asked to be")
            }
            status = statusCode
            for (const name of READ) {
              const value = fields[name]
              if (value !== undefined) headers.set(name, String(value))
            }
          },
          onResponseData: (_, chunk) => {
            read += chunk.byteLength
            if (read > maximum) return refuse(`the answer is larger than ${maximum} bytes`)
            chunks.push(chunk)
          },
          onResponseEnd: () => {
            signal?.removeEventListener("abort", giveUp)
            resolve(responseOf(status, headers, Buffer.concat(chunks)))
          },
          onResponseError: (_, error) => {
            signal?.removeEventListener("abort", giveUp)
            reject(error)
          }
        }
      )
    })
}
