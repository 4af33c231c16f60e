import { HttpApiMiddleware } from "effect/http-api"
import { BadRequest, InternalServerError, PayloadTooLarge, UnsupportedMediaType } from "./Problems.ts"

/**
 * Every request is decoded by its endpoint's schemas; what does not fit them is answered with all that is wrong. Groups
 * take it before `Authorization`, which is then around it: who asks is settled first (design section 6).
 */
export class RequestCheck extends HttpApiMiddleware.Service<RequestCheck>()(
  "promptledger/http/api/RequestCheck",
  {
    error: [BadRequest, PayloadTooLarge, UnsupportedMediaType, InternalServerError]
  }
) {}
