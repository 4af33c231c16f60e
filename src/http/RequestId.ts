import { Context } from "effect"

/** The id of the request that is being answered: the caller's `X-Request-Id`, or one made for it. */
export const RequestId = Context.Reference<string>("promptledger/http/RequestId", {
  defaultValue: () => "none"
})
