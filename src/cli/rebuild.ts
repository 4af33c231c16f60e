import { Effect } from "effect"
import { Command } from "effect/cli"
import { layerRollups } from "../layers/Live.ts"
import { print } from "./print.ts"
import { runCli } from "./runCli.ts"
import { Rollups } from "../services/Rollups.ts"

/** Makes the rollups anew of the executions, while the service goes on, and says how many it counted. */
runCli((config) =>
  Command.make("promptledger-rebuild", {}, () =>
    Rollups.use(({ rebuild }) => rebuild).pipe(
      Effect.provide(layerRollups(config)),
      Effect.flatMap((executions) => print([{ executions }]))
    )
  ).pipe(Command.withDescription("Makes the rollups anew of the executions"))
)
