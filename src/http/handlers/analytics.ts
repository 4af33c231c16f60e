import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Analytics } from "../../services/Analytics.ts"
import { Executions } from "../../services/Executions.ts"
import { Api } from "../api/Api.ts"
import { inProject } from "../inProject.ts"

export const analytics = HttpApiBuilder.group(
  Api,
  "analytics",
  Effect.fnUntraced(function* (handlers) {
    const service = yield* Analytics
    return handlers.handleAll({
      prompts: ({ query: { mode = "all", ...filter } }) =>
        inProject((project) =>
          service.prompts(project, { ...filter, mode: mode === "all" ? undefined : mode })
        )
    })
  })
)

export const models = HttpApiBuilder.group(
  Api,
  "models",
  Effect.fnUntraced(function* (handlers) {
    const executions = yield* Executions
    return handlers.handleAll({ list: () => Effect.map(executions.models, (known) => ({ models: known })) })
  })
)
