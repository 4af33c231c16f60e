import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Environment } from "../../domain/Execution.ts"
import { ExecutionFigures } from "../../domain/figures.ts"
import { GroupBy, GroupKey, GroupPosition } from "../../domain/grouping.ts"
import { Model } from "../../domain/Model.ts"
import { PromptMode, PromptName, PromptVersion } from "../../domain/Prompt.ts"
import { Authorization } from "./Authorization.ts"
import { RequestCheck } from "./RequestCheck.ts"
import { cursorOf, NumberCursor } from "./Cursor.ts"
import { inOrder, Limit, optional, Timestamp } from "./fields.ts"
import { BadRequest, PromptNotFound } from "./Problems.ts"
import { about } from "./RequiredScope.ts"

const ModeFigures = ExecutionFigures.mapFields((fields) => ({
  prompt_count: Schema.Int,
  ...fields
})).annotate({ identifier: "ModeFigures" })

const { execution_count: total_executions, ...figures } = ExecutionFigures.fields

export const ExecutionGroup = Schema.Struct({ ...GroupKey.fields, ...ExecutionFigures.fields }).annotate({
  identifier: "ExecutionGroup"
})

const GroupCursor = cursorOf(GroupPosition)

export const PromptAnalytics = Schema.Struct({
  summary: Schema.Struct({
    total_executions,
    full_mode_prompts: Schema.Int,
    tracking_mode_prompts: Schema.Int,
    ...figures
  }),
  /** The modes that were asked for. */
  by_mode: Schema.Struct({
    full: Schema.optionalKey(ModeFigures),
    tracking: Schema.optionalKey(ModeFigures)
  }),
  /** With `group_by`: the groups that have executions, by name and number, or the latest period first. */
  groups: Schema.optionalKey(Schema.Array(ExecutionGroup)),
  next_cursor: Schema.optionalKey(Schema.NullOr(GroupCursor))
}).annotate({ identifier: "PromptAnalytics" })

export const VersionAnalytics = Schema.Struct({
  version: Schema.Int,
  version_id: PromptVersion.fields.version_id,
  status: PromptVersion.fields.status,
  created_at: Schema.Date,
  ...ExecutionFigures.fields
}).annotate({ identifier: "VersionAnalytics" })

/** Which executions are counted: created from one instant up to another. */
const filter = {
  from: Schema.optionalKey(Timestamp),
  to: Schema.optionalKey(Timestamp),
  environment: Schema.optionalKey(Environment)
}

export class AnalyticsApi extends HttpApiGroup.make("analytics")
  .add(
    HttpApiEndpoint.get("prompts", "/v1/analytics/prompts", {
      query: Schema.Struct({
        mode: optional(Schema.Literals(["all", "full", "tracking"]), "all"),
        ...filter,
        prompt_name: Schema.optionalKey(PromptName),
        /** Adds `groups`, in pages of `limit`. */
        group_by: Schema.optionalKey(GroupBy),
        limit: Limit,
        cursor: Schema.optionalKey(GroupCursor)
      }).check(inOrder),
      success: PromptAnalytics,
      error: BadRequest
    }).annotateMerge(
      about("Figures over prompts and executions of both modes, also by group", "analytics:read")
    ),
    HttpApiEndpoint.get("versions", "/v1/prompts/:name/analytics", {
      params: { name: PromptName },
      query: Schema.Struct({ ...filter, limit: Limit, cursor: Schema.optionalKey(NumberCursor) }).check(
        inOrder
      ),
      success: Schema.Struct({
        prompt_name: Schema.String,
        mode: PromptMode,
        current_version: Schema.NullOr(Schema.Int),
        versions: Schema.Array(VersionAnalytics),
        next_cursor: Schema.NullOr(NumberCursor)
      }),
      error: PromptNotFound
    }).annotateMerge(about("A prompt's versions side by side, newest first", "analytics:read"))
  )
  .middleware(RequestCheck)
  .middleware(Authorization) {}

export class ModelsApi extends HttpApiGroup.make("models")
  .add(
    HttpApiEndpoint.get("list", "/v1/models", {
      success: Schema.Struct({ models: Schema.Array(Model) })
    }).annotateMerge(about("The known models", "executions:read"))
  )
  .middleware(RequestCheck)
  .middleware(Authorization) {}
