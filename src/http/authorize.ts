import { Context, Duration, Effect, Layer, Option } from "effect"
import { HttpEffect, HttpServerRequest, HttpServerResponse } from "effect/http"
import { hasScope, ScopeMissing } from "../domain/Access.ts"
import type { Principal, Scope } from "../domain/Access.ts"
import { Authentication } from "../services/Authentication.ts"
import { RateLimit, WINDOW } from "../services/RateLimit.ts"
import type { Allowance } from "../services/RateLimit.ts"
import { Authorization, CurrentPrincipal } from "./api/Authorization.ts"
import { RequiredScope } from "./api/RequiredScope.ts"
import { asProblem } from "./problemOf.ts"

const seconds = (duration: Duration.Duration) => Math.ceil(Duration.toSeconds(duration))

/** The fields of draft-ietf-httpapi-ratelimit-headers: the policy, and what is left of it. */
const tellAllowance = ({ limit, remaining, reset_after }: Allowance) =>
  HttpEffect.appendPreResponseHandler((_, response) =>
    Effect.succeed(
      HttpServerResponse.setHeaders(response, {
        "ratelimit-policy": `"key";q=${limit};w=${seconds(WINDOW)}`,
        ratelimit: `"key";r=${remaining};t=${seconds(reset_after)}`
      })
    )
  )

/** Tells who asks, and refuses who has no valid key, asks too often, or asks for what the key may not do. */
export const layer = Layer.effect(
  Authorization,
  Effect.gen(function* () {
    const { authenticate } = yield* Authentication
    const { take } = yield* RateLimit

    const takeOne = ({ key_id }: Principal) =>
      take(key_id).pipe(
        Effect.tapError(({ limit, retry_after }) =>
          tellAllowance({ limit, remaining: 0, reset_after: retry_after })
        ),
        Effect.flatMap((allowance) => (allowance === undefined ? Effect.void : tellAllowance(allowance)))
      )

    const admit = (key: Parameters<typeof authenticate>[0], scope: Scope) =>
      HttpServerRequest.HttpServerRequest.pipe(
        Effect.flatMap(({ remoteAddress }) => authenticate(key, Option.getOrUndefined(remoteAddress))),
        Effect.tap(takeOne),
        Effect.filterOrFail(
          (principal) => hasScope(principal, scope),
          () => new ScopeMissing({ scope })
        )
      )

    return Authorization.of({
      api_key: (httpEffect, { credential, endpoint }) =>
        Effect.flatMap(
          asProblem(admit(credential, Context.get(endpoint.annotations, RequiredScope))),
          (principal) => Effect.provideService(httpEffect, CurrentPrincipal, principal)
        )
    })
  })
)
