import { toIncomingMessage } from "@effect/platform-node/NodeHttpServerRequest"
import type { HttpServerRequest } from "effect/http"

/** How often a request has a header, by its lowercase name: Node joins the values, or keeps only the first. */
export const countOfHeader = (request: HttpServerRequest.HttpServerRequest, name: string): number => {
  const { rawHeaders } = toIncomingMessage(request)
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const given = rawHeaders[at]!
    if (given.length === name.length && given.toLowerCase() === name) count++
  }
  return count
}
