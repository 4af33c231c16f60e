import { ByteSize, Context, Effect, Layer } from "effect"
import { HttpIncomingMessage, HttpServerRequest } from "effect/http"
import { HttpApiError } from "effect/http-api"
import type { HttpApiEndpoint } from "effect/http-api"
import { faultsOf } from "../domain/validation.ts"
import { BodyLimit } from "./api/BodyLimit.ts"
import { BadRequest, PayloadTooLarge, UnsupportedMediaType } from "./api/Problems.ts"
import { RequestCheck } from "./api/RequestCheck.ts"
import { badRequest } from "./badRequest.ts"
import { countOfHeader } from "./countOfHeader.ts"
import { isPercentEncoded } from "./percentEncoding.ts"
import { checkText } from "./readJson.ts"
import { RequestId } from "./RequestId.ts"

const faults = ({ kind, cause }: HttpApiError.HttpApiSchemaError) =>
  faultsOf(cause.issue).map(({ path, message }) => ({ path: [kind.toLowerCase(), ...path], message }))

/** Answers, or refuses what can be told from a request's head, before a byte of its body is read. */
const checkingHead = <A, E, R>(
  request: HttpServerRequest.HttpServerRequest,
  endpoint: HttpApiEndpoint.Top,
  limit: ByteSize.ByteSize,
  answered: Effect.Effect<A, E, R>
): Effect.Effect<A, E | BadRequest | PayloadTooLarge | UnsupportedMediaType, R> => {
  const { headers, url } = request
  const encoding = headers["content-encoding"] || "identity"
  if (encoding.toLowerCase() !== "identity") {
    const detail = `A body encoded as ${encoding} is not read.`
    return Effect.flatMap(RequestId, (request_id) =>
      Effect.fail(new UnsupportedMediaType({ request_id, detail }))
    )
  }
  if (Number(headers["content-length"]) > ByteSize.toNumberUnsafe(limit)) {
    const detail = `The body is over the limit of ${ByteSize.format(limit)}.`
    return Effect.flatMap(RequestId, (request_id) => Effect.fail(new PayloadTooLarge({ request_id, detail })))
  }
  if (headers["idempotency-key"] !== undefined && countOfHeader(request, "idempotency-key") > 1) {
    return badRequest([{ path: ["headers", "idempotency-key"], message: "Expected it once" }])
  }
  const start = url.indexOf("?")
  if (start < 0) return answered
  const query = url.slice(start + 1)
  if (!isPercentEncoded(query)) {
    return badRequest([{ path: ["query"], message: "Expected percent-encoded UTF-8" }])
  }
  const names = [...new URLSearchParams(query).keys()]
  // The framework reads a query only where an endpoint has one.
  const [wrong, message] =
    endpoint.query === undefined
      ? ([names, "Expected no excess property"] as const)
      : ([names.filter((name, at) => names.indexOf(name) < at), "Expected it once"] as const)
  return wrong.length > 0
    ? badRequest([...new Set(wrong)].map((name) => ({ path: ["query", name], message })))
    : answered
}

/** An error of an endpoint's own goes on; of the framework's, a request's is the caller's fault and an answer's a bug. */
const refuseMalformed = <E>(
  error: E | HttpApiError.HttpApiSchemaError
): Effect.Effect<never, E | BadRequest> => {
  if (!HttpApiError.HttpApiSchemaError.is(error)) return Effect.fail(error)
  return error.kind === "Body" || error.kind === "ResponseHeaders"
    ? Effect.die(error)
    : badRequest(faults(error))
}

/** A body that may not be parsed is found where the framework expects no failure. */
const refuseUnreadable = (defect: unknown): Effect.Effect<never, BadRequest> =>
  defect instanceof BadRequest ? Effect.fail(defect) : Effect.die(defect)

/** Bounds and checks the body that is read, and turns what does not fit an endpoint's schemas into a problem. */
export const layer = Layer.succeed(
  RequestCheck,
  RequestCheck.of((httpEffect, { endpoint }) => {
    const limit = Context.get(endpoint.annotations, BodyLimit)
    const answered = Effect.catch(httpEffect, refuseMalformed)
    if (endpoint.payload.size === 0) {
      return HttpServerRequest.HttpServerRequest.use((request) =>
        checkingHead(request, endpoint, limit, answered)
      )
    }
    const bounded = answered.pipe(
      Effect.catchDefect(refuseUnreadable),
      Effect.provideService(HttpIncomingMessage.MaxBodySize, limit)
    )
    return HttpServerRequest.HttpServerRequest.use((request) => {
      checkText(request)
      return checkingHead(request, endpoint, limit, bounded)
    })
  })
)
