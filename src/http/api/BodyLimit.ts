import { ByteSize, Context } from "effect"

/** How large an endpoint's request body may be; an annotation of the endpoint. */
export const BodyLimit = Context.Reference<ByteSize.ByteSize>("promptledger/http/api/BodyLimit", {
  defaultValue: () => ByteSize.mebibytes(1)
})
