import { Context, Deferred, Effect, Layer, Option, Runtime } from "effect"
import { constants } from "node:os"
import { Lifecycle } from "../services/Lifecycle.ts"
import { AppConfig } from "./AppConfig.ts"
import * as Observability from "./Observability.ts"
import { tellingWhy } from "./plainly.ts"

/** Completes the deferred at the first signal to stop; the second ends the process there and then. */
const onSignals = (told: Deferred.Deferred<void>) => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (Deferred.isDoneUnsafe(told)) process.exit(128 + constants.signals[signal])
      Deferred.doneUnsafe(told, Effect.void)
    })
  }
}

const runMain = Runtime.makeRunMain(({ fiber, teardown }) =>
  fiber.addObserver((exit) => teardown(exit, (code) => process.exit(code)))
)

/**
 * Runs a process: reads the configuration, builds what it makes of it, and takes it down again when it is told to stop,
 * by SIGINT or SIGTERM. Stopping as told is a success.
 */
export const runProcess = <E>(layerOf: (config: AppConfig["Service"]) => Layer.Layer<Lifecycle, E>) => {
  const told = Deferred.makeUnsafe<void>()
  onSignals(told)

  const live = Effect.fnUntraced(function* (config: AppConfig["Service"]) {
    const built = yield* Effect.raceFirst(
      Effect.asSome(Layer.build(layerOf(config))),
      Effect.as(Deferred.await(told), Option.none())
    )
    if (Option.isNone(built)) return
    yield* Deferred.await(told)
    yield* Effect.logInfo("stopping: no more work is taken, and what is under way may come to its end")
    yield* Context.get(built.value, Lifecycle).stop
  }, Effect.scoped)

  runCommand(live)
}

/** Does something by the configuration, and ends with it. */
export const runCommand = <A, E>(command: (config: AppConfig["Service"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(AppConfig, (config) => Effect.provide(command(config), Observability.layer(config))).pipe(
    Effect.provide(AppConfig.layer),
    tellingWhy,
    runMain({ disableErrorReporting: true })
  )
