import { Context, Effect, Layer } from "effect"
import type { ProjectId } from "../domain/Ids.ts"
import type { PromptMode } from "../domain/Prompt.ts"
import { AnalyticsStore } from "./AnalyticsStore.ts"
import type { AnalyticsFilter, ModeAnalytics } from "./AnalyticsStore.ts"

export interface PromptAnalytics {
  readonly summary: {
    readonly total_executions: number
    readonly succeeded: number
    readonly failed: number
    readonly full_mode_prompts: number
    readonly tracking_mode_prompts: number
    readonly prompt_tokens: number
    readonly response_tokens: number
    /** Milliseconds, over the executions that succeeded; null when none has. */
    readonly avg_latency_ms: number | null
  }
  /** The modes that were asked for. */
  readonly by_mode: { readonly [Mode in PromptMode]?: Omit<ModeAnalytics, "mode"> }
}

/** Figures over a project's prompts in both modes. */
export class Analytics extends Context.Service<
  Analytics,
  {
    readonly prompts: (project_id: ProjectId, filter: AnalyticsFilter) => Effect.Effect<PromptAnalytics>
  }
>()("promptledger/services/Analytics") {
  static readonly layer = Layer.effect(
    Analytics,
    Effect.gen(function* () {
      const store = yield* AnalyticsStore
      return Analytics.of({
        prompts: Effect.fn("Analytics.prompts")((project_id, filter) =>
          Effect.map(store.byMode(project_id, filter), summarize)
        )
      })
    })
  )
}

const summarize = (rows: ReadonlyArray<ModeAnalytics>): PromptAnalytics => {
  const sum = (of: (row: ModeAnalytics) => number) => rows.reduce((total, row) => total + of(row), 0)
  const promptsIn = (mode: PromptMode) => rows.find((row) => row.mode === mode)?.prompt_count ?? 0
  const succeeded = sum((row) => row.succeeded)
  return {
    summary: {
      total_executions: sum((row) => row.execution_count),
      succeeded,
      failed: sum((row) => row.failed),
      full_mode_prompts: promptsIn("full"),
      tracking_mode_prompts: promptsIn("tracking"),
      prompt_tokens: sum((row) => row.prompt_tokens),
      response_tokens: sum((row) => row.response_tokens),
      avg_latency_ms:
        succeeded === 0 ? null : sum((row) => (row.avg_latency_ms ?? 0) * row.succeeded) / succeeded
    },
    by_mode: Object.fromEntries(rows.map(({ mode, ...figures }) => [mode, figures]))
  }
}
