import { ByteSize, Duration } from "effect"
import { randomUUID } from "node:crypto"
import { createServer, STATUS_CODES } from "node:http"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import { typeOf } from "./api/Problems.ts"

/** What a client may take of a connection. A handler may take longer: these end when the request is whole. */
export interface ConnectionLimits {
  /** How long the headers may take to come. */
  readonly headers: Duration.Duration
  /** How long the whole request may take to come. */
  readonly request: Duration.Duration
  /** How often connections are looked over for those that are late. */
  readonly check: Duration.Duration
  /** How long a connection may lie idle between requests: longer than load balancers keep theirs, which is a minute. */
  readonly idle: Duration.Duration
  /** How large request line and headers may be together. */
  readonly head: ByteSize.ByteSize
}

export const connectionLimits: ConnectionLimits = {
  headers: Duration.seconds(10),
  request: Duration.seconds(60),
  check: Duration.seconds(5),
  idle: Duration.seconds(75),
  head: ByteSize.kibibytes(16)
}

/**
 * A server that bounds what a client may take. Once it was told to close it hangs up on each connection that falls
 * idle: clients keep theirs for long.
 */
export const makeServer = ({ headers, request, check, idle, head }: ConnectionLimits) => {
  const server = createServer({
    headersTimeout: Duration.toMillis(headers),
    requestTimeout: Duration.toMillis(request),
    connectionsCheckingInterval: Duration.toMillis(check),
    keepAliveTimeout: Duration.toMillis(idle),
    maxHeaderSize: ByteSize.toNumberUnsafe(head),
    // Its absence is answered with a problem, by `edge.ts`.
    requireHostHeader: false
  })
  server.on("request", (_, response) =>
    response.once("close", () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections())
    })
  )
  server.on("checkExpectation", ({ method, socket }: IncomingMessage) =>
    hangUp(EXPECTATION_FAILED, method, socket)
  )
  server.on("connect", ({ method }, socket: Duplex) => hangUp(NO_PROXY, method, socket))
  return server.on("clientError", refuse)
}

interface Refusal {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
}

const EXPECTATION_FAILED: Refusal = {
  status: 417,
  code: "ExpectationFailed",
  title: "The expectation cannot be met",
  detail: "The header Expect may only be 100-continue."
}

const NO_PROXY: Refusal = {
  status: 405,
  code: "MethodNotAllowed",
  title: "The path does not take this method",
  detail: "CONNECT is for proxies, and this is none."
}

const notHttp = (reason: string): Refusal => ({
  status: 400,
  code: "NotHttp",
  title: "The request is not HTTP",
  detail: `The bytes that came are not a request of HTTP/1.1: ${reason}.`
})

/** What Node refuses, by its error's code; any other is no HTTP. */
const REFUSALS: Record<string, Refusal> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: "RequestTimeout",
    title: "The request took too long",
    detail: "The whole request did not come in time."
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: "HeadersTooLarge",
    title: "The headers are too large",
    detail: "Request line and headers are over the limit."
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    code: "PayloadTooLarge",
    title: "The body is too large",
    detail: "The chunk extensions are over the limit."
  }
}

/** Node's own: the response that is under way on a connection, if any. */
type Connection = Duplex & { readonly _httpMessage?: ServerResponse }

/** Node's own: the bytes that could not be read, and why. */
interface Unread extends NodeJS.ErrnoException {
  readonly rawPacket?: Buffer
  readonly reason?: string
}

/** Answers what never came to be a request with a problem. */
const refuse = (error: Unread, connection: Connection): void => {
  if (!connection.writable || connection._httpMessage?.headersSent) return void connection.destroy()
  // The method of a head that came in pieces is not known.
  const [method] = error.rawPacket?.toString("latin1", 0, 5).split(" ") ?? []
  hangUp(REFUSALS[error.code ?? ""] ?? notHttp(error.reason ?? "they make no sense"), method, connection)
}

/** Tells why and hangs up. The answer to a HEAD has no body (RFC 9110, section 9.3.2). */
const hangUp = (
  { status, code, title, detail }: Refusal,
  method: string | undefined,
  connection: Duplex
): void => {
  const request_id = randomUUID()
  const body = JSON.stringify({ type: typeOf(code), title, status, detail, code, request_id })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: application/problem+json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${request_id}`
  ]
  connection.end(`${head.join("\r\n")}\r\n\r\n${method === "HEAD" ? "" : body}`, () => connection.destroy())
}
