import { Effect, Scope } from "effect"
import { HttpRouter } from "effect/http"
import { HttpApiScalar } from "effect/http-api"
import { Api } from "./api/Api.ts"

export const DOCS = "/docs"

/** The API's pages for people. Their program has 3 MB, and is loaded when somebody asks for them. */
export const layer = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const scope = yield* Effect.scope
    const pages = yield* HttpRouter.toHttpEffect(HttpApiScalar.layer(Api, { path: DOCS })).pipe(
      Scope.provide(scope),
      // Whoever asks first may hang up.
      Effect.uninterruptible,
      Effect.cached
    )
    yield* router.add("GET", DOCS, Effect.flatten(pages))
  })
)
