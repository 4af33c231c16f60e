import { Context, Effect, Layer, SchemaIssue } from "effect"
import { HttpIncomingMessage, HttpServerRequest } from "effect/http"
import { HttpApiError } from "effect/http-api"
import { BodyLimit } from "./api/BodyLimit.ts"
import { UnsupportedMediaType } from "./api/Problems.ts"
import type { BadRequest } from "./api/Problems.ts"
import { RequestCheck } from "./api/RequestCheck.ts"
import { badRequest } from "./badRequest.ts"
import { RequestId } from "./RequestId.ts"

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

const segment = (part: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof part === "object" ? part.key : part
  return typeof key === "number" ? key : String(key)
}

const faults = ({ kind, cause }: HttpApiError.HttpApiSchemaError) =>
  issuesOf(cause.issue).issues.map(({ path = [], message }) => ({
    path: [kind.toLowerCase(), ...path.map(segment)],
    message
  }))

const refuseEncoded = Effect.gen(function* () {
  const { headers } = yield* HttpServerRequest.HttpServerRequest
  const encoding = headers["content-encoding"] ?? "identity"
  if (encoding === "identity") return
  const request_id = yield* RequestId
  return yield* new UnsupportedMediaType({ request_id, detail: `A body encoded as ${encoding} is not read.` })
})

/** An error of an endpoint's own goes on; of the framework's, a request's is the caller's fault and an answer's a bug. */
const refuseMalformed = <E>(
  error: E | HttpApiError.HttpApiSchemaError
): Effect.Effect<never, E | BadRequest> => {
  if (!HttpApiError.HttpApiSchemaError.is(error)) return Effect.fail(error)
  return error.kind === "Body" || error.kind === "ResponseHeaders"
    ? Effect.die(error)
    : badRequest(faults(error))
}

/** Bounds the body that is read, and turns what does not fit an endpoint's schemas into a problem. */
export const layer = Layer.succeed(
  RequestCheck,
  RequestCheck.of((httpEffect, { endpoint }) =>
    Effect.andThen(refuseEncoded, httpEffect).pipe(
      Effect.provideService(HttpIncomingMessage.MaxBodySize, Context.get(endpoint.annotations, BodyLimit)),
      Effect.catch(refuseMalformed)
    )
  )
)
