import { Context } from "effect"
import type { Effect } from "effect"
import type { Figures } from "../domain/figures.ts"
import type { GroupBy, GroupKey, GroupPosition } from "../domain/grouping.ts"
import type { ProjectId, VersionId } from "../domain/Ids.ts"
import type { PromptMode } from "../domain/Prompt.ts"
import type { AnalyticsFilter } from "../domain/requests.ts"
import type { PageRequest } from "./Page.ts"

export interface ModeAnalytics extends Figures {
  readonly mode: PromptMode
  readonly prompt_count: number
}

/** One group of executions, by the key that its kind has. */
export type GroupFigures = GroupKey & Figures

export interface VersionFigures extends Figures {
  readonly version_id: VersionId
}

/** Figures over all executions of a project, also those that ended a moment ago. */
export class AnalyticsStore extends Context.Service<
  AnalyticsStore,
  {
    /** One row for each mode that the filter lets through. */
    readonly byMode: (
      project_id: ProjectId,
      filter: AnalyticsFilter
    ) => Effect.Effect<ReadonlyArray<ModeAnalytics>>

    /** The groups that have executions, in the order of their positions, from the one after `after`. */
    readonly groups: (
      project_id: ProjectId,
      filter: AnalyticsFilter,
      group_by: GroupBy,
      page: PageRequest<GroupPosition>
    ) => Effect.Effect<ReadonlyArray<GroupFigures>>

    /** Those of the versions that have executions, in no order. */
    readonly versions: (
      project_id: ProjectId,
      filter: AnalyticsFilter & { readonly prompt_name: string },
      version_ids: ReadonlyArray<VersionId>
    ) => Effect.Effect<ReadonlyArray<VersionFigures>>
  }
>()("promptledger/services/AnalyticsStore") {}
