import { Deferred, Effect, Exit, Layer, Schedule, Scope } from "effect"
import { ExecutionQueue } from "../services/ExecutionQueue.ts"
import { Executor } from "../services/Executor.ts"
import { Lifecycle } from "../services/Lifecycle.ts"
import { Rollups } from "../services/Rollups.ts"
import { Settings } from "../services/Settings.ts"
import { Sweeper } from "../services/Sweeper.ts"

/**
 * A worker: answers wake-up calls, sweeps and folds rollups, until it is told to stop or its scope closes. Then it takes
 * no more calls, lets those under way go on for the drain time, and gives back what is left without counting an attempt.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const queue = yield* ExecutionQueue
    const executor = yield* Executor
    const sweeper = yield* Sweeper
    const rollups = yield* Rollups
    const settings = yield* Settings
    const lifecycle = yield* Lifecycle

    const keepDoing = <A, E>(work: Effect.Effect<A, E>, failed: string) =>
      work.pipe(
        Effect.catchCause((cause) => Effect.logWarning(failed, cause)),
        Effect.repeat(Schedule.spaced(settings.sweep)),
        Effect.forkScoped
      )
    yield* keepDoing(sweeper.sweep, "a sweep failed")
    yield* keepDoing(rollups.fold, "folding rollups failed")
    const drained = yield* Deferred.make<void>()
    const consuming = yield* Scope.make()
    // The work comes first, so that what was claimed is under way, and given back, when the time is over already.
    const untilDrained = (work: Effect.Effect<void>) =>
      Effect.raceFirst(work, Deferred.await(drained)).pipe(logged)
    yield* queue
      .consume(
        {
          answer: (wakeUp) => untilDrained(executor.answer(wakeUp)),
          claim: (limit) => Effect.map(executor.claim(limit), (claimed) => claimed.map(untilDrained))
        },
        { concurrency: settings.worker_concurrency }
      )
      .pipe(Scope.provide(consuming))
    yield* lifecycle.onStop(
      Effect.gen(function* () {
        yield* Deferred.succeed(drained, undefined).pipe(Effect.delay(settings.drain), Effect.forkDetach)
        yield* Scope.close(consuming, Exit.void)
      })
    )
  })
)

/** A call that fails for want of the database is not lost: the sweeper sends it again. */
const logged = (work: Effect.Effect<void>) =>
  Effect.catchCause(work, (cause) => Effect.logWarning("a wake-up call was not answered", cause))
