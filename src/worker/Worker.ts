import { Deferred, Duration, Effect, Exit, Fiber, Layer, Schedule, Scope } from "effect"
import { ExecutionQueue } from "../services/ExecutionQueue.ts"
import { Executor } from "../services/Executor.ts"
import { Lifecycle } from "../services/Lifecycle.ts"
import { logFailures } from "../services/logFailures.ts"
import { Retention } from "../services/Retention.ts"
import { Rollups } from "../services/Rollups.ts"
import { Settings } from "../services/Settings.ts"
import { Sweeper } from "../services/Sweeper.ts"

/** How often a worker looks for what was kept long enough. */
const RETENTION = Duration.minutes(10)

/**
 * A worker: answers wake-up calls, sweeps, folds rollups and drops what is too old, until it is told to stop or its
 * scope closes. Then it takes no more calls, lets those under way go on for the drain time, and gives back what is left
 * without counting an attempt.
 */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const queue = yield* ExecutionQueue
    const executor = yield* Executor
    const sweeper = yield* Sweeper
    const rollups = yield* Rollups
    const retention = yield* Retention
    const settings = yield* Settings
    const lifecycle = yield* Lifecycle

    const keepDoing = <A, E>(work: Effect.Effect<A, E>, failed: string, every = settings.sweep) =>
      work.pipe(
        Effect.catchCause(logFailures(failed)),
        Effect.repeat(Schedule.spaced(every)),
        Effect.forkScoped
      )
    yield* keepDoing(sweeper.sweep, "a sweep failed")
    yield* keepDoing(rollups.fold, "folding rollups failed")
    const { bodies, executions } = settings.retain
    if (bodies !== undefined || executions !== undefined) {
      yield* keepDoing(retention.pass, "dropping what was kept long enough failed", RETENTION)
    }
    // A call that fails for want of the database is not lost: the sweeper sends it again.
    const notAnswered = logFailures("a wake-up call was not answered")
    const drained = yield* Deferred.make<void>()
    const consuming = yield* Scope.make()
    // The work comes first, so that what was claimed is under way, and given back, when the time is over already.
    const untilDrained = (work: Effect.Effect<void>) =>
      Effect.raceFirst(work, Deferred.await(drained)).pipe(Effect.catchCause(notAnswered))
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
        const drain = Deferred.succeed(drained, undefined)
        const timer = yield* Effect.forkChild(Effect.delay(drain, settings.drain))
        yield* Scope.close(consuming, Exit.void)
        yield* Fiber.interrupt(timer)
        yield* drain
      })
    )
  })
)
