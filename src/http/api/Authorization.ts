import { Context } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import type { Principal } from "../../domain/Access.ts"
import {
  InsufficientScope,
  InvalidApiKey,
  ServiceUnavailable,
  TooManyRequests,
  withRetryAfter
} from "./Problems.ts"

/** Who asks, for handlers. */
export class CurrentPrincipal extends Context.Service<CurrentPrincipal, Principal>()(
  "promptledger/http/api/CurrentPrincipal"
) {}

/** Lets a request through only with a valid `X-API-Key` that has the endpoint's scope, and not too often. */
export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: CurrentPrincipal }>()(
  "promptledger/http/api/Authorization",
  {
    requiredForClient: true,
    security: { api_key: HttpApiSecurity.apiKey({ in: "header", key: "X-API-Key" }) },
    error: [
      InvalidApiKey,
      InsufficientScope,
      withRetryAfter(TooManyRequests),
      withRetryAfter(ServiceUnavailable)
    ]
  }
) {}
