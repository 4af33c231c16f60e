import type { Context } from "effect"
import { Duration, Effect, Metric, Semaphore } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { DatabaseUnavailable } from "../../services/DatabaseUnavailable.ts"
import { databaseFailures, poolWait, poolWaiting } from "../../services/instruments.ts"
import { orDefect } from "./orDefect.ts"

/** Runs a store's operation: an outage and a bug both become defects. */
export type Gate = <A, E, R>(
  operation: Effect.Effect<A, E | SqlError, R>
) => Effect.Effect<A, Exclude<E, SqlError>, R>

export interface GateOptions {
  /** The name of the pool that it stands before, for metrics. */
  readonly pool: "read" | "write"
  /** Operations at a time: as many as the pool can take. */
  readonly permits: number
  /** Operations that may wait; one more is refused at once. */
  readonly waiting: number
  /** How long an operation may take, waiting included. */
  readonly patience: Duration.Duration
  /** Told of each operation that ends as an outage. */
  readonly onOutage?: (outage: DatabaseUnavailable) => void
}

/**
 * A gate before a pool, so that a database that is slow or gone costs its callers a bounded time and this process a
 * bounded memory. What it does not let through, or gives up, ends as `DatabaseUnavailable`.
 */
export const makeGate = ({ pool, permits, waiting, patience, onOutage }: GateOptions): Gate => {
  const attributes = { pool }
  const waits = Metric.withAttributes(poolWait, attributes)
  const waitingNow = Metric.withAttributes(poolWaiting, attributes)
  const failures = Metric.withAttributes(databaseFailures, attributes)
  const semaphore = Semaphore.makeUnsafe(permits)
  let inside = 0
  let running = 0
  const observeWaiting = Effect.suspend(() => Metric.update(waitingNow, inside - running))

  const refused = new DatabaseUnavailable({ cause: new Error(`${waiting} operations wait already`) })
  const tooLate = new DatabaseUnavailable({
    cause: new Error(`no answer within ${Duration.format(patience)}`)
  })

  const admitted = <A, E, R>(operation: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
    const asked = performance.now()
    const run = Effect.suspend(() => {
      running++
      return Metric.update(waits, (performance.now() - asked) / 1_000).pipe(
        Effect.andThen(operation),
        Effect.ensuring(Effect.sync(() => running--))
      )
    })
    return Effect.suspend(() => {
      inside++
      return semaphore.withPermit(run).pipe(Effect.ensuring(Effect.sync(() => inside--)))
    })
  }

  return (operation) =>
    Effect.suspend(() =>
      inside >= permits + waiting
        ? Effect.die(refused)
        : within(admitted(orDefect(operation)), patience, tooLate)
    ).pipe(
      Effect.tapDefect((defect) => {
        if (!(defect instanceof DatabaseUnavailable)) return Effect.void
        onOutage?.(defect)
        return Metric.update(failures, 1)
      }),
      Effect.ensuring(observeWaiting)
    )
}

/**
 * The effect, or this defect when it takes longer. In real time, since a server that is stuck waits for no test's
 * clock; and the caller goes on at once, also from where it can't be interrupted: a driver may need long to give up.
 */
const within = <A, E, R>(self: Effect.Effect<A, E, R>, patience: Duration.Duration, defect: unknown) =>
  Effect.contextWith((context: Context.Context<R>) =>
    Effect.callback<A, E>((resume) => {
      const fiber = Effect.runForkWith(context)(self)
      const timer = setTimeout(() => {
        resume(Effect.die(defect))
        fiber.interruptUnsafe()
      }, Duration.toMillis(patience))
      fiber.addObserver((exit) => {
        clearTimeout(timer)
        resume(exit)
      })
      return Effect.sync(() => fiber.interruptUnsafe())
    })
  )
