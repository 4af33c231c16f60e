import { toIncomingMessage } from "@effect/platform-node/NodeHttpServerRequest"
import { Cause, Effect } from "effect"
import {
  HttpRouter,
  HttpServerError,
  HttpServerRequest,
  HttpServerRespondable,
  HttpServerResponse
} from "effect/http"
import { randomUUID } from "node:crypto"
import { DatabaseUnavailable } from "../services/DatabaseUnavailable.ts"
import { logFailures } from "../services/logFailures.ts"
import { ProcessUnavailable } from "../services/ProcessUnavailable.ts"
import * as Problems from "./api/Problems.ts"
import { badRequest } from "./badRequest.ts"
import { countOfHeader } from "./countOfHeader.ts"
import { isPercentEncoded } from "./percentEncoding.ts"
import { RequestId, withRequestId } from "./RequestId.ts"

const SENDABLE_ID = /^[\x21-\x7e]{1,128}$/

const METHODS = new Intl.ListFormat("en")

/** Seconds after which an outage may be over. */
const RETRY_AFTER = 2

/** Tells the methods that a path takes; none when there is nothing at it. */
type MethodsAt = (path: string) => ReadonlyArray<string>

/**
 * What surrounds every route: gives each request its id, and sees to it that whatever goes wrong, in the framework or
 * in ours, is answered with a problem that says nothing of our insides.
 */
export const layer = (methodsAt: MethodsAt) => {
  const unavailable = logFailures("a request was answered with 503")
  return HttpRouter.middleware(
    (httpEffect) => {
      const answered = Effect.matchCauseEffect(httpEffect, {
        onFailure: (cause) => Effect.map(answerCause(cause, methodsAt, unavailable), withAdvice),
        onSuccess: (response) => withoutBareErrors(response, methodsAt)
      })
      return HttpServerRequest.HttpServerRequest.use((request) => {
        const given = request.headers["x-request-id"]
        const request_id = given !== undefined && SENDABLE_ID.test(given) ? given : randomUUID()
        return Effect.map(withRequestId(request_id)(refusalOf(request) ?? answered), (response) =>
          HttpServerResponse.setHeader(notKept(response), "x-request-id", request_id)
        )
      })
    },
    { global: true }
  )
}

/** Caches tell callers apart by `Authorization`, and not by `X-API-Key` (RFC 9111, section 3.5). */
const notKept = HttpServerResponse.setHeader("cache-control", "no-store")

type Answer<E = never> = Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  E,
  HttpServerRequest.HttpServerRequest
>

const answerCause = <E>(
  cause: Cause.Cause<E>,
  methodsAt: MethodsAt,
  unavailable: ReturnType<typeof logFailures>
): Answer<E> => {
  const problemFor = problemAmong(methodsAt)
  if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
  const error = Cause.squash(cause)
  if (error instanceof ProcessUnavailable) return problemFor(503)
  if (error instanceof DatabaseUnavailable) return Effect.andThen(unavailable(cause), problemFor(503))
  if (error instanceof HttpServerError.HttpServerError) {
    const { reason } = error
    if (reason._tag === "RouteNotFound") return problemFor(404)
    if (reason._tag === "RequestParseError") return problemFor(reason.reason === "BodyTooLarge" ? 413 : 400)
  }
  return Effect.andThen(Effect.logError("a request failed unexpectedly", cause), problemFor(500))
}

/** The framework answers some errors with an empty body or a line of text. */
const withoutBareErrors = (response: HttpServerResponse.HttpServerResponse, methodsAt: MethodsAt): Answer => {
  if (response.status < 400) return Effect.succeed(response)
  const json = response.headers["content-type"]?.startsWith("application/") ?? false
  return Effect.map(json ? Effect.succeed(response) : problemAmong(methodsAt)(response.status), withAdvice)
}

/** Whatever is not there now may be tried again, and a key is asked for (RFC 9110, sections 15.6.4 and 15.5.2). */
const withAdvice = (response: HttpServerResponse.HttpServerResponse) => {
  if (response.status === 401) return HttpServerResponse.setHeader(response, "www-authenticate", "ApiKey")
  return response.status === 503 && response.headers["retry-after"] === undefined
    ? HttpServerResponse.setHeader(response, "retry-after", String(RETRY_AFTER))
    : response
}

const problemAmong = (methodsAt: MethodsAt) =>
  Effect.fnUntraced(function* (
    status: number
  ): Effect.fn.Return<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest> {
    const { method, url } = yield* HttpServerRequest.HttpServerRequest
    const request_id = yield* RequestId
    const [path] = url.split("?", 1) as [string]
    switch (status) {
      case 400:
        return yield* unreadable(["payload"], "Expected a body that can be read")
      case 404: {
        const allowed = methodsAt(path)
        if (allowed.includes(method)) {
          return yield* unreadable(
            ["params"],
            isPercentEncoded(path) ? "Expected fewer characters" : "Expected percent-encoded UTF-8"
          )
        }
        if (allowed.length === 0) {
          return yield* respond(new Problems.NotFound({ request_id, detail: `There is nothing at ${path}.` }))
        }
        const detail = `${path} takes ${METHODS.format(allowed)}, not ${method}.`
        const response = yield* respond(new Problems.MethodNotAllowed({ request_id, detail, allowed }))
        return HttpServerResponse.setHeader(response, "allow", allowed.join(", "))
      }
      case 413:
        return yield* respond(
          new Problems.PayloadTooLarge({ request_id, detail: "The body is over the limit." })
        )
      case 415:
        return yield* respond(
          new Problems.UnsupportedMediaType({ request_id, detail: "The body must be application/json." })
        )
      case 503: {
        const detail =
          "The service cannot do this now. Try again; with an Idempotency-Key nothing is done twice."
        return yield* respond(
          new Problems.ServiceUnavailable({ request_id, detail, retry_after: RETRY_AFTER })
        )
      }
      default:
        return yield* respond(
          new Problems.InternalServerError({
            request_id,
            detail: "The request failed. Its id is in the log."
          })
        )
    }
  })

const respond = HttpServerRespondable.toResponse

/** A part of the request that cannot be read. */
const unreadable = (path: ReadonlyArray<string>, message: string): Answer =>
  Effect.flatMap(Effect.flip(badRequest([{ path, message }])), respond)

/** The framework ends a path at these, and would take it for another's. */
const ENDS_PATH = /^[^?]*[;#]/

/** What is wrong with a request before it is known where it goes. */
const refusalOf = (request: HttpServerRequest.HttpServerRequest): Answer | undefined => {
  if (ENDS_PATH.test(request.url)) return unreadable(["params"], "Expected ; and # percent-encoded")
  const hosts = countOfHeader(request, "host")
  if (hosts > 1 || (hosts === 0 && toIncomingMessage(request).httpVersion === "1.1")) {
    return unreadable(["headers", "host"], "Expected one (RFC 9112, section 3.2)")
  }
  return undefined
}
