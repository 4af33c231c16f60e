import { Effect } from "effect"
import { layerRollups } from "../layers/Live.ts"
import { runCommand } from "../layers/runProcess.ts"
import { Rollups } from "../services/Rollups.ts"

/** Makes the rollups anew of the executions, while the service goes on. */
runCommand((config) =>
  Effect.provide(
    Effect.flatMap(Rollups, ({ rebuild }) => rebuild),
    layerRollups(config)
  )
)
