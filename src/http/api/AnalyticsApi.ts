import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Environment } from "../../domain/Execution.ts"
import { ExecutionFigures } from "../../domain/figures.ts"
import { GroupBy, GroupKey, GroupPosition } from "../../domain/grouping.ts"
import { Model, ModelRef } from "../../domain/Model.ts"
import { CurrentVersion, Prompt, PromptMode, PromptName, PromptVersion } from "../../domain/Prompt.ts"
import { beside } from "../../domain/validation.ts"
import { Authorization } from "./Authorization.ts"
import { cursorOf, nextCursor, NumberCursor } from "./Cursor.ts"
import { DEFAULT_LIMIT, inOrder, Limit, optional, PageSize, span, writtenInteger } from "./fields.ts"
import { BadRequest, PromptNotFound } from "./Problems.ts"
import { RequestCheck } from "./RequestCheck.ts"
import { about } from "./RequiredScope.ts"

const promptCount = (which: string) =>
  Schema.Int.annotate({ description: `Prompts of ${which}, executed or not.` })

const ModeFigures = ExecutionFigures.mapFields((fields) => ({
  prompt_count: promptCount("the mode"),
  ...fields
})).annotate({ identifier: "ModeFigures", description: "Figures over the prompts and executions of a mode." })

const { execution_count: total_executions, ...figures } = ExecutionFigures.fields

export const ExecutionGroup = Schema.Struct({ ...GroupKey.fields, ...ExecutionFigures.fields }).annotate({
  identifier: "ExecutionGroup",
  description: "Figures over a group of executions, with the members that name the group."
})

const GroupCursor = cursorOf(GroupPosition)

export const PromptAnalytics = Schema.Struct({
  summary: Schema.Struct({
    total_executions,
    full_mode_prompts: promptCount("mode `full`"),
    tracking_mode_prompts: promptCount("mode `tracking`"),
    ...figures
  }).annotate({ description: "Figures over all that was asked for." }),
  by_mode: Schema.Struct({
    full: Schema.optionalKey(ModeFigures),
    tracking: Schema.optionalKey(ModeFigures)
  }).annotate({ description: "The same by mode, of the modes that were asked for." }),
  groups: Schema.optionalKey(
    Schema.Array(ExecutionGroup).annotate({
      description:
        "With `group_by`: the groups that have executions, by name and number, or the latest period first."
    })
  ),
  next_cursor: Schema.optionalKey(nextCursor(GroupCursor))
}).annotate({ identifier: "PromptAnalytics", description: "Figures over prompts and executions." })

export const VersionAnalytics = Schema.Struct({
  version: PromptVersion.fields.version_number,
  version_id: PromptVersion.fields.version_id,
  status: PromptVersion.fields.status,
  created_at: PromptVersion.fields.created_at,
  ...ExecutionFigures.fields
}).annotate({ identifier: "VersionAnalytics", description: "A version with figures over its executions." })

/** It has no default to be filled in: without groups it is refused, since it would have been meant for something. */
const GroupLimit = Schema.optionalKey(
  writtenInteger(
    PageSize.annotate({
      description: `How many groups the page has at most, beside \`group_by\`; ${DEFAULT_LIMIT} unless given.`
    })
  )
)

const filter = { ...span, environment: Schema.optionalKey(Environment) }

export class AnalyticsApi extends HttpApiGroup.make("analytics")
  .add(
    HttpApiEndpoint.get("prompts", "/v1/analytics/prompts", {
      query: Schema.Struct({
        mode: optional(
          Schema.Literals(["all", "full", "tracking"]).annotate({
            description: "Which mode the prompts are in."
          }),
          "all"
        ),
        ...filter,
        prompt_name: Schema.optionalKey(PromptName),
        group_by: Schema.optionalKey(GroupBy),
        limit: GroupLimit,
        cursor: Schema.optionalKey(GroupCursor)
      }).check(inOrder, beside("limit", "group_by")),
      success: PromptAnalytics,
      error: BadRequest
    }).annotateMerge(
      about(
        "Figures over prompts and executions of both modes, also by group",
        "analytics:read",
        "Executions that end while it is answered may be in `summary` and not yet in `groups`, or the other way around: each is counted by a statement of its own."
      )
    ),
    HttpApiEndpoint.get("versions", "/v1/prompts/:name/analytics", {
      params: { name: PromptName },
      query: Schema.Struct({ ...filter, limit: Limit, cursor: Schema.optionalKey(NumberCursor) }).check(
        inOrder
      ),
      success: Schema.Struct({
        prompt_name: Prompt.fields.name,
        mode: PromptMode,
        current_version: CurrentVersion,
        versions: Schema.Array(VersionAnalytics).annotate({
          description: "The page's versions, newest first."
        }),
        next_cursor: nextCursor(NumberCursor)
      }),
      error: PromptNotFound
    }).annotateMerge(about("A prompt's versions side by side, newest first", "analytics:read"))
  )
  .middleware(RequestCheck)
  .middleware(Authorization)
  .annotate(OpenApi.Description, "Figures over executions: counts, latencies, tokens and cost.") {}

const ModelCursor = cursorOf(Schema.Struct(ModelRef.fields))

export class ModelsApi extends HttpApiGroup.make("models")
  .add(
    HttpApiEndpoint.get("list", "/v1/models", {
      query: { limit: Limit, cursor: Schema.optionalKey(ModelCursor) },
      success: Schema.Struct({
        models: Schema.Array(Model).annotate({ description: "The page's models, by provider and name." }),
        next_cursor: nextCursor(ModelCursor)
      })
    }).annotateMerge(about("The known models", "executions:read"))
  )
  .middleware(RequestCheck)
  .middleware(Authorization)
  .annotate(OpenApi.Description, "The models that executions can ask for.") {}
