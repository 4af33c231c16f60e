import { Effect, References } from "effect"

const KEY = "request_id"

/** Does something for the request of that id, which every line that is logged of it tells. */
export const withRequestId = (request_id: string) => Effect.annotateLogs(KEY, request_id)

/** The id of the request that is being answered: the caller's `X-Request-Id`, or one made for it. */
export const RequestId: Effect.Effect<string> = Effect.map(References.CurrentLogAnnotations, (annotations) =>
  String(annotations[KEY] ?? "none")
)
