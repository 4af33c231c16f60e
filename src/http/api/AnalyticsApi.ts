import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Environment } from "../../domain/Execution.ts"
import { Model } from "../../domain/Model.ts"
import { PromptName } from "../../domain/Prompt.ts"
import { Authorization } from "./Authorization.ts"
import { optional, Timestamp } from "./fields.ts"
import { about } from "./RequiredScope.ts"

const ModeFigures = Schema.Struct({
  prompt_count: Schema.Int,
  execution_count: Schema.Int,
  succeeded: Schema.Int,
  failed: Schema.Int,
  /** Milliseconds, over the executions that succeeded. */
  avg_latency_ms: Schema.NullOr(Schema.Number),
  prompt_tokens: Schema.Int,
  response_tokens: Schema.Int
}).annotate({ identifier: "ModeFigures" })

export const PromptAnalytics = Schema.Struct({
  summary: Schema.Struct({
    total_executions: Schema.Int,
    succeeded: Schema.Int,
    failed: Schema.Int,
    full_mode_prompts: Schema.Int,
    tracking_mode_prompts: Schema.Int,
    prompt_tokens: Schema.Int,
    response_tokens: Schema.Int,
    avg_latency_ms: Schema.NullOr(Schema.Number)
  }),
  /** The modes that were asked for. */
  by_mode: Schema.Struct({ full: Schema.optionalKey(ModeFigures), tracking: Schema.optionalKey(ModeFigures) })
}).annotate({ identifier: "PromptAnalytics" })

export class AnalyticsApi extends HttpApiGroup.make("analytics")
  .add(
    HttpApiEndpoint.get("prompts", "/v1/analytics/prompts", {
      query: {
        mode: optional(Schema.Literals(["all", "full", "tracking"]), "all"),
        from: Schema.optionalKey(Timestamp),
        to: Schema.optionalKey(Timestamp),
        prompt_name: Schema.optionalKey(PromptName),
        environment: Schema.optionalKey(Environment)
      },
      success: PromptAnalytics
    }).annotateMerge(about("Figures over prompts and executions of both modes", "analytics:read"))
  )
  .middleware(Authorization) {}

export class ModelsApi extends HttpApiGroup.make("models")
  .add(
    HttpApiEndpoint.get("list", "/v1/models", {
      success: Schema.Struct({ models: Schema.Array(Model) })
    }).annotateMerge(about("The known models", "executions:read"))
  )
  .middleware(Authorization) {}
