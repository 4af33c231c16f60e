import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Analytics } from "../../services/Analytics.ts"
import { Executions } from "../../services/Executions.ts"
import { Api } from "../api/Api.ts"
import { DEFAULT_LIMIT } from "../api/fields.ts"
import { badRequest } from "../badRequest.ts"
import { inProject } from "../inProject.ts"
import { asProblem } from "../problemOf.ts"

export const analytics = HttpApiBuilder.group(
  Api,
  "analytics",
  Effect.fnUntraced(function* (handlers) {
    const service = yield* Analytics
    return handlers.handleAll({
      prompts: Effect.fnUntraced(function* ({ query }) {
        const { mode = "all", group_by, cursor, limit = DEFAULT_LIMIT, ...rest } = query
        const filter = { ...rest, mode: mode === "all" ? undefined : mode }
        if (cursor !== undefined && cursor.group_by !== group_by) return yield* otherGroups
        const prompts = inProject((project) => service.prompts(project, filter)).pipe(asProblem)
        if (group_by === undefined) return yield* prompts
        const groups = inProject((project) =>
          service.groups(project, filter, group_by, { after: cursor, limit })
        ).pipe(asProblem)
        const [answer, { items, next }] = yield* Effect.all([prompts, groups], { concurrency: 2 })
        return { ...answer, groups: items, next_cursor: next }
      }),

      versions: ({ params: { name }, query: { limit = DEFAULT_LIMIT, cursor, ...filter } }) =>
        inProject((project) => service.versions(project, name, filter, { after: cursor, limit })).pipe(
          Effect.map(({ prompt, current_version, items, next }) => ({
            prompt_name: prompt.name,
            mode: prompt.mode,
            current_version,
            versions: items.map(({ version_number, ...version }) => ({
              ...version,
              version: version_number
            })),
            next_cursor: next
          })),
          asProblem
        )
    })
  })
)

const otherGroups = badRequest([
  { path: ["query", "cursor"], message: "Expected a cursor that this list gave" }
])

export const models = HttpApiBuilder.group(
  Api,
  "models",
  Effect.fnUntraced(function* (handlers) {
    const executions = yield* Executions
    return handlers.handleAll({
      list: ({ query: { limit = DEFAULT_LIMIT, cursor } }) =>
        inProject((project) => executions.models(project, { after: cursor, limit })).pipe(
          Effect.map(({ items, next }) => ({ models: items, next_cursor: next }))
        )
    })
  })
)
