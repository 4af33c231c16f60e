import { Effect, Layer } from "effect"
import { Authentication } from "../services/Authentication.ts"
import { Authorization, CurrentPrincipal } from "./api/Authorization.ts"
import { asProblem } from "./problemOf.ts"

/** Tells who asks, and refuses who has no valid key. */
export const layer = Layer.effect(
  Authorization,
  Effect.gen(function* () {
    const { authenticate } = yield* Authentication
    return Authorization.of({
      api_key: (httpEffect, { credential }) =>
        Effect.flatMap(asProblem(authenticate(credential)), (principal) =>
          Effect.provideService(httpEffect, CurrentPrincipal, principal)
        )
    })
  })
)
