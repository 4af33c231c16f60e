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

    /** Takes one request from a key's bucket, and tells what is left in it. */
    const takeOne = ({ key_id }: Principal) =>
      Effect.matchEffect(take(key_id), {
        onFailure: (refused) => {
          const { limit, retry_after } = refused
          return Effect.andThen(
            tellAllowance({ limit, remaining: 0, reset_after: retry_after }),
            Effect.fail(refused)
          )
        },
        onSuccess: (allowance) => (allowance === undefined ? Effect.void : tellAllowance(allowance))
      })

    const admit = (key: Parameters<typeof authenticate>[0], scope: Scope) =>
      HttpServerRequest.HttpServerRequest.use(({ remoteAddress }) =>
        Effect.flatMap(authenticate(key, Option.getOrUndefined(remoteAddress)), (principal) =>
          Effect.andThen(
            takeOne(principal),
            hasScope(principal, scope) ? Effect.succeed(principal) : new ScopeMissing({ scope })
          )
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
