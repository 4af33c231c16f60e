import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Runtime } from "effect"
import { HttpServerError } from "effect/http"
import { isSqlError } from "effect/sql/SqlError"
import { AppConfig, ConfigInvalid } from "./AppConfig.ts"
import * as Observability from "./Observability.ts"
import { DataDirInUse } from "./pglite/dataDirLock.ts"

/** What whoever starts the process can mend is told plainly, without a stack. */
const plainly = (error: unknown): string | undefined => {
  if (error instanceof ConfigInvalid || error instanceof DataDirInUse) return error.message
  if (error instanceof HttpServerError.ServeError)
    return `HOST and PORT cannot be used: ${reasonOf(error.cause)}`
  if (isSqlError(error) && UNREACHABLE.has(error.reason._tag)) {
    return `The database at DATABASE_URL cannot be reached: ${reasonOf(error.reason.cause)}`
  }
  return undefined
}

const UNREACHABLE = new Set(["ConnectionError", "AuthenticationError"])
const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))

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
    Effect.tapError((error) => {
      const message = plainly(error)
      return message === undefined ? Effect.logError("cannot start", error) : Console.error(message)
    }),
    NodeRuntime.runMain({
      disableErrorReporting: true,
      teardown: (exit, onExit) => Runtime.defaultTeardown(exit, (code) => onExit(code === 130 ? 0 : code))
    })
  )
