import { Effect } from "effect"
import type { ProjectId } from "../domain/Ids.ts"
import { CurrentPrincipal } from "./api/Authorization.ts"

/** Does something in the project of the key that asks. */
export const inProject = <A, E, R>(
  use: (project_id: ProjectId) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | CurrentPrincipal> => CurrentPrincipal.use(({ project_id }) => use(project_id))
