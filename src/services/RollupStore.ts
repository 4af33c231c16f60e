import { Context } from "effect"
import type { Effect, Option } from "effect"
import type { ProjectId } from "../domain/Ids.ts"

/**
 * Rollups of ended executions. What reads them adds the executions that are not folded yet, so that figures are the
 * same before a fold and after it.
 */
export class RollupStore extends Context.Service<
  RollupStore,
  {
    /**
     * Folds at most `limit` ended executions into the rollups, each exactly once, and says how many; none while another
     * process folds or rebuilds.
     */
    readonly fold: (limit: number) => Effect.Effect<Option.Option<number>>

    /** Makes a project's rollups anew of its executions, all at once for who reads them; says how many it counted. */
    readonly rebuild: (project_id: ProjectId) => Effect.Effect<number>
  }
>()("promptledger/services/RollupStore") {}
