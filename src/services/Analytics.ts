import { Context, Effect, Layer, Option } from "effect"
import { PromptNotFound } from "../domain/errors.ts"
import { addFigures, noFigures, tellFigures } from "../domain/figures.ts"
import type { ExecutionFigures } from "../domain/figures.ts"
import type { GroupBy, GroupKey, GroupPosition } from "../domain/grouping.ts"
import { positionOf } from "../domain/grouping.ts"
import type { ProjectId } from "../domain/Ids.ts"
import type { Prompt, PromptMode, PromptVersion } from "../domain/Prompt.ts"
import { checkAnalyticsFilter } from "../domain/requests.ts"
import type { AnalyticsFilter } from "../domain/requests.ts"
import type { InvalidRequest } from "../domain/validation.ts"
import { AnalyticsStore } from "./AnalyticsStore.ts"
import type { ModeAnalytics } from "./AnalyticsStore.ts"
import { paged } from "./Page.ts"
import type { Page, PageRequest } from "./Page.ts"
import { PromptStore } from "./PromptStore.ts"

export interface PromptAnalytics {
  readonly summary: Omit<ExecutionFigures, "execution_count"> & {
    readonly total_executions: number
    readonly full_mode_prompts: number
    readonly tracking_mode_prompts: number
  }
  /** The modes that were asked for. */
  readonly by_mode: {
    readonly [Mode in PromptMode]?: ExecutionFigures & { readonly prompt_count: number }
  }
}

/** Figures of one group of executions, by the members of the key that its kind has. */
export type ExecutionGroup = GroupKey & ExecutionFigures

export interface VersionAnalytics
  extends ExecutionFigures, Pick<PromptVersion, "version_id" | "version_number" | "status" | "created_at"> {}

export interface VersionComparison extends Page<VersionAnalytics, number> {
  readonly prompt: Prompt
  /** Number of the active version. */
  readonly current_version: number | null
}

/** Figures over a project's executions in both modes. */
export class Analytics extends Context.Service<
  Analytics,
  {
    readonly prompts: (
      project_id: ProjectId,
      filter: AnalyticsFilter
    ) => Effect.Effect<PromptAnalytics, InvalidRequest>

    /** The groups that have executions: by name and number, or the latest period first. */
    readonly groups: (
      project_id: ProjectId,
      filter: AnalyticsFilter,
      group_by: GroupBy,
      page: PageRequest<GroupPosition>
    ) => Effect.Effect<Page<ExecutionGroup, GroupPosition>, InvalidRequest>

    /** A prompt's versions side by side, newest first, also those that were never run. */
    readonly versions: (
      project_id: ProjectId,
      name: string,
      filter: Omit<AnalyticsFilter, "mode" | "prompt_name">,
      page: PageRequest<number>
    ) => Effect.Effect<VersionComparison, InvalidRequest | PromptNotFound>
  }
>()("promptledger/services/Analytics") {
  static readonly layer = Layer.effect(
    Analytics,
    Effect.gen(function* () {
      const store = yield* AnalyticsStore
      const promptStore = yield* PromptStore

      return Analytics.of({
        prompts: Effect.fn("Analytics.prompts")(function* (project_id, filter) {
          yield* checkAnalyticsFilter(filter)
          return summarize(yield* store.byMode(project_id, filter))
        }),

        groups: Effect.fn("Analytics.groups")(function* (project_id, filter, group_by, page) {
          yield* checkAnalyticsFilter(filter)
          const { items, next } = yield* paged(
            page,
            (more) => store.groups(project_id, filter, group_by, more),
            (last) => positionOf(group_by, last)
          )
          return { items: items.map(tellFigures), next }
        }),

        versions: Effect.fn("Analytics.versions")(function* (project_id, name, filter, page) {
          yield* checkAnalyticsFilter(filter)
          const resolved = yield* promptStore.resolve(project_id, name, undefined)
          if (Option.isNone(resolved)) return yield* new PromptNotFound({ prompt_name: name })
          const { prompt, version } = resolved.value
          const { items, next } = yield* paged(
            page,
            (more) => promptStore.versions(prompt.prompt_id, more),
            ({ version_number }) => version_number
          )
          const figures = yield* store.versions(
            project_id,
            { ...filter, prompt_name: name },
            items.map(({ version_id }) => version_id)
          )
          return {
            prompt,
            current_version: Option.getOrNull(Option.map(version, ({ version_number }) => version_number)),
            items: items.map(({ version_id, version_number, status, created_at }) => {
              const of = figures.find((row) => row.version_id === version_id)
              return { ...tellFigures(of ?? noFigures), version_id, version_number, status, created_at }
            }),
            next
          }
        })
      })
    })
  )
}

const summarize = (rows: ReadonlyArray<ModeAnalytics>): PromptAnalytics => {
  const promptsIn = (mode: PromptMode) => rows.find((row) => row.mode === mode)?.prompt_count ?? 0
  const { execution_count, ...figures } = tellFigures(rows.reduce(addFigures, noFigures))
  return {
    summary: {
      total_executions: execution_count,
      ...figures,
      full_mode_prompts: promptsIn("full"),
      tracking_mode_prompts: promptsIn("tracking")
    },
    by_mode: Object.fromEntries(rows.map(({ mode, ...row }) => [mode, tellFigures(row)]))
  }
}
