import { Effect } from "effect"
import { BadRequest } from "./api/Problems.ts"
import type { RequestFault } from "./api/Problems.ts"
import { RequestId } from "./RequestId.ts"

type Fault = typeof RequestFault.Type

/** A problem tells of so many faults, and so much of a name in a path: what was sent decides over neither. */
const MAX_FAULTS = 100
const MAX_SEGMENT = 255

const shorten = (segment: string | number) =>
  typeof segment === "string" && segment.length > MAX_SEGMENT
    ? `${segment.slice(0, MAX_SEGMENT).toWellFormed()}…`
    : segment

/** What is wrong with a request, in words. */
export const inWords = (errors: ReadonlyArray<Fault>): string =>
  errors.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")

/** Refuses a malformed request with everything that is wrong with it. */
export const badRequest = (faults: ReadonlyArray<Fault>): Effect.Effect<never, BadRequest> =>
  Effect.flatMap(RequestId, (request_id) => {
    const errors = faults
      .slice(0, MAX_FAULTS)
      .map(({ path, message }) => ({ path: path.map(shorten), message }))
    return Effect.fail(new BadRequest({ request_id, detail: inWords(errors), errors }))
  })
