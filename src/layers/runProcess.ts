import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Runtime } from "effect"
import { AppConfig, ConfigInvalid } from "./AppConfig.ts"
import * as Observability from "./Observability.ts"
import { DataDirInUse } from "./pglite/dataDirLock.ts"

/** Errors that whoever starts the process can mend: they are told plainly, without a stack. */
const isStartError = (error: unknown): error is ConfigInvalid | DataDirInUse =>
  error instanceof ConfigInvalid || error instanceof DataDirInUse

/** Built last, so that it is taken down first. */
const tellOfStopping = Layer.effectDiscard(
  Effect.addFinalizer(() =>
    Effect.logInfo("stopping: no more work is taken, and what is under way may come to its end")
  )
)

/**
 * Runs a process until it is told to stop: reads the configuration, builds what it makes of it, and takes it down again
 * on SIGINT and SIGTERM. Stopping as told is a success.
 */
export const runProcess = <E>(layerOf: (config: AppConfig["Service"]) => Layer.Layer<never, E>) =>
  Effect.gen(function* () {
    const config = yield* AppConfig
    const layer = tellOfStopping.pipe(
      Layer.provide(layerOf(config)),
      Layer.provide(Observability.layer(config))
    )
    yield* Layer.launch(layer)
  }).pipe(
    Effect.provide(AppConfig.layer),
    Effect.tapError((error) =>
      isStartError(error) ? Console.error(error.message) : Effect.logError("cannot start", error)
    ),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, onExit) => Runtime.defaultTeardown(exit, (code) => onExit(code === 130 ? 0 : code))
    })
  )
