import { Effect } from "effect"
import type { HttpServerError, HttpServerRequest } from "effect/http"
import type { BadRequest } from "./api/Problems.ts"
import { badRequest } from "./badRequest.ts"
import { jsonFault } from "./jsonFault.ts"

const utf8 = new TextDecoder("utf-8", { fatal: true })

const decode = (bytes: ArrayBuffer): string | undefined => {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}

/** The text of a request's body, when it is one that may be parsed. */
const readJson = Effect.fnUntraced(function* (
  request: HttpServerRequest.HttpServerRequest
): Effect.fn.Return<string, HttpServerError.HttpServerError | BadRequest> {
  const text = decode(yield* request.arrayBuffer)
  if (text === undefined) return yield* badRequest([{ path: ["payload"], message: "Expected valid UTF-8" }])
  const fault = jsonFault(text)
  return fault === undefined ? text : yield* badRequest([fault])
})

/**
 * Has a request's text checked when it is first read: after the caller is known, and before the framework parses it.
 * The framework takes what goes wrong there for a defect.
 */
export const checkText = (request: HttpServerRequest.HttpServerRequest): void => {
  Object.defineProperty(request, "text", { value: readJson(request) })
}
