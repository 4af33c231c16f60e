import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { Command } from "effect/cli"
import type { AppConfig } from "../layers/AppConfig.ts"
import { runCommand } from "../layers/runProcess.ts"

/** Runs a command line whose command works by the configuration. */
export const runCli = <const Name extends string, Input, Context, E>(
  commandOf: (config: AppConfig["Service"]) => Command.Command<Name, Input, Context, E, Command.Environment>
) =>
  runCommand((config) =>
    commandOf(config).pipe(
      Command.run({ version: "1", renderErrors: false }),
      Effect.provide(NodeServices.layer)
    )
  )
