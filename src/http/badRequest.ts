import { Effect } from "effect"
import { inWords } from "../domain/validation.ts"
import type { Fault } from "../domain/validation.ts"
import { BadRequest } from "./api/Problems.ts"
import { RequestId } from "./RequestId.ts"

/** A problem tells of so many faults, and so much of a name in a path: what was sent decides over neither. */
const MAX_FAULTS = 100
const MAX_SEGMENT = 255

const shorten = (segment: string | number) =>
  typeof segment === "string" && segment.length > MAX_SEGMENT
    ? `${segment.slice(0, MAX_SEGMENT).toWellFormed()}…`
    : segment

/** Refuses a malformed request with everything that is wrong with it. */
export const badRequest = (faults: ReadonlyArray<Fault>): Effect.Effect<never, BadRequest> =>
  Effect.flatMap(RequestId, (request_id) => {
    const errors = faults
      .slice(0, MAX_FAULTS)
      .map(({ path, message }) => ({ path: path.map(shorten), message }))
    return Effect.fail(new BadRequest({ request_id, detail: inWords(errors), errors }))
  })
