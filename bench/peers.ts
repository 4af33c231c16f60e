import { Effect } from "effect"
import type { makeFigures } from "./figures.ts"
import type { Progress } from "./progress.ts"
import type { Plan } from "./round.ts"
import type { World } from "./world.ts"

export const peers = (
  _world: World,
  _plan: Plan,
  _progress: Progress,
  _figures: Omit<ReturnType<typeof makeFigures>, "figures">
) => Effect.void
