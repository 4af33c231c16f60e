import { Effect } from "effect"
import { BadRequest } from "./api/Problems.ts"
import type { RequestFault } from "./api/Problems.ts"
import { RequestId } from "./RequestId.ts"

/** Refuses a malformed request with everything that is wrong with it. */
export const badRequest = (
  errors: ReadonlyArray<typeof RequestFault.Type>
): Effect.Effect<never, BadRequest> =>
  Effect.flatMap(RequestId, (request_id) => {
    const detail = errors.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")
    return Effect.fail(new BadRequest({ request_id, detail, errors }))
  })
