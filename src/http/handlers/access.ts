import { Effect, Redacted } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Access } from "../../services/Access.ts"
import { Api } from "../api/Api.ts"
import { CurrentPrincipal } from "../api/Authorization.ts"
import { DEFAULT_LIMIT } from "../api/fields.ts"
import { asProblem } from "../problemOf.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "access",
  Effect.fnUntraced(function* (handlers) {
    const access = yield* Access
    return handlers.handleAll({
      projects: ({ query: { limit = DEFAULT_LIMIT, cursor } }) =>
        CurrentPrincipal.use((principal) => access.projects(principal, { after: cursor, limit })).pipe(
          Effect.map(({ items, next }) => ({ projects: items, next_cursor: next }))
        ),

      createProject: ({ payload: { name } }) =>
        CurrentPrincipal.use((principal) => access.createProject(principal, name)).pipe(asProblem),

      keys: ({ params: { project_id }, query: { limit = DEFAULT_LIMIT, cursor } }) =>
        CurrentPrincipal.use((principal) =>
          access.keys(principal, project_id, { after: cursor, limit })
        ).pipe(
          Effect.map(({ items, next }) => ({ keys: items, next_cursor: next })),
          asProblem
        ),

      issueKey: ({ params: { project_id }, payload }) =>
        CurrentPrincipal.use((principal) => access.issue(principal, project_id, payload)).pipe(
          Effect.map(({ key, ...issued }) => ({ ...issued, key: Redacted.value(key) })),
          asProblem
        ),

      revokeKey: ({ params: { key_id } }) =>
        CurrentPrincipal.use((principal) => access.revoke(principal, key_id)).pipe(asProblem)
    })
  })
)
