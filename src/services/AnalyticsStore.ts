import { Context } from "effect"
import type { Effect } from "effect"
import type { ProjectId } from "../domain/Ids.ts"
import type { PromptMode } from "../domain/Prompt.ts"

export interface AnalyticsFilter {
  readonly mode?: PromptMode | undefined
  readonly prompt_name?: string | undefined
  readonly environment?: string | undefined
  readonly from?: Date | undefined
  readonly to?: Date | undefined
}

export interface ModeAnalytics {
  readonly mode: PromptMode
  readonly prompt_count: number
  readonly execution_count: number
  readonly succeeded: number
  readonly failed: number
  readonly avg_latency_ms: number | null
  readonly prompt_tokens: number
  readonly response_tokens: number
}

/** Figures over all executions of a project. */
export class AnalyticsStore extends Context.Service<
  AnalyticsStore,
  {
    /** One row for each mode that the filter lets through. */
    readonly byMode: (
      project_id: ProjectId,
      filter: AnalyticsFilter
    ) => Effect.Effect<ReadonlyArray<ModeAnalytics>>
  }
>()("promptledger/services/AnalyticsStore") {}
