import { Effect } from "effect"

/** What came of one request, as its caller saw it. */
export interface Exchange {
  readonly what: string
  /** 0 when there was no answer: a connection that was refused or broken, or no end to the waiting. */
  readonly status: number
  readonly millis: number
  readonly retryAfter: string | null
  /** Of any shape: scenarios look into it. */
  readonly body: any
}

export interface Submission {
  readonly marker: string
  readonly key: string
  readonly body: unknown
}

/** An execution that the API has answered for with 202. */
export interface Acknowledged extends Submission {
  readonly execution_id: string
}

/** A caller that gives up on a request after so long has found one that hangs. */
const PATIENCE = 10_000

/** A caller of the API that notes every exchange. `urls` is what its load balancer knows. */
export const makeClient = (apiKey: string) => {
  const urls: Array<string> = []
  const exchanges: Array<Exchange> = []
  const acknowledged: Array<Acknowledged> = []
  let turn = 0

  const send = (
    method: string,
    path: string,
    options: { readonly body?: unknown; readonly key?: string; readonly url?: string } = {}
  ): Effect.Effect<Exchange> =>
    Effect.promise(async () => {
      const started = performance.now()
      const note = (answer: Pick<Exchange, "status" | "retryAfter" | "body">) => {
        const millis = Math.round(performance.now() - started)
        const exchange = { what: `${method} ${path}`, millis, ...answer }
        exchanges.push(exchange)
        return exchange
      }
      try {
        const response = await fetch((options.url ?? urls[turn++ % urls.length]) + path, {
          method,
          signal: AbortSignal.timeout(PATIENCE),
          headers: {
            "x-api-key": apiKey,
            "content-type": "application/json",
            ...(options.key !== undefined && { "idempotency-key": options.key })
          },
          body: options.body === undefined ? null : JSON.stringify(options.body)
        })
        const text = await response.text()
        return note({
          status: response.status,
          retryAfter: response.headers.get("retry-after"),
          body: text.startsWith("{") ? JSON.parse(text) : text
        })
      } catch (error) {
        return note({ status: 0, retryAfter: null, body: String(error) })
      }
    })

  const submit = (submission: Submission) =>
    Effect.map(
      send("POST", "/v1/executions:submit", { body: submission.body, key: submission.key }),
      (exchange) => {
        if (exchange.status === 202) {
          acknowledged.push({ ...submission, execution_id: exchange.body.execution_id })
        }
        return exchange
      }
    )

  return {
    urls,
    send,
    submit,
    exchanges: exchanges as ReadonlyArray<Exchange>,
    acknowledged: acknowledged as ReadonlyArray<Acknowledged>
  }
}

export type Client = ReturnType<typeof makeClient>
