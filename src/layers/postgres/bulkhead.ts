import { Cause, Duration, Effect, Exit } from "effect"
import type { Context, Fiber } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { DatabaseUnavailable } from "../../services/DatabaseUnavailable.ts"
import { databaseFailuresOf, poolWaitingOf, poolWaitOf } from "../../services/instruments.ts"
import type { Pool } from "../../services/instruments.ts"
import { orDefect } from "./orDefect.ts"

/** Runs a store's operation, in a place of a bounded number; an outage and a bug both become defects. */
export type Bulkhead = <A, E, R>(
  operation: Effect.Effect<A, E | SqlError, R>
) => Effect.Effect<A, Exclude<E, SqlError>, R>

export interface BulkheadOptions {
  /** The name of the pool that it stands before, for metrics. */
  readonly pool: Pool
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
 * A bulkhead before a pool, so that a database that is slow or gone costs its callers a bounded time and this process a
 * bounded memory. What it does not let through, or gives up, ends as `DatabaseUnavailable`.
 *
 * Patience is in real time, since a server that is stuck waits for no test's clock; and the caller goes on at once, also
 * from where it can't be interrupted: a driver may need long to give up, and keeps its place until then.
 */
export const makeBulkhead = ({ pool, permits, waiting, patience, onOutage }: BulkheadOptions): Bulkhead => {
  const waits = poolWaitOf(pool)
  const waitingNow = poolWaitingOf(pool)
  const failures = databaseFailuresOf(pool)
  const line = new Set<() => void>()
  let running = 0

  const refused = new DatabaseUnavailable({ cause: new Error(`${waiting} operations wait already`) })
  const tooLate = new DatabaseUnavailable({
    cause: new Error(`no answer within ${Duration.format(patience)}`)
  })

  return <A, E, R>(operation: Effect.Effect<A, E | SqlError, R>) =>
    Effect.contextWith((context: Context.Context<R>) =>
      Effect.callback<A, Exclude<E, SqlError>>((resume) => {
        const asked = performance.now()
        let fiber: Fiber.Fiber<A, Exclude<E, SqlError>> | undefined
        let ended = false

        const end = (exit: Exit.Exit<A, Exclude<E, SqlError>>) => {
          ended = true
          clearTimeout(timer)
          const outage = Exit.isFailure(exit) ? outageOf(exit.cause) : undefined
          if (outage !== undefined) {
            failures.updateUnsafe(1, context)
            onOutage?.(outage)
          }
          resume(exit)
        }
        const giveUp = () => {
          if (line.delete(begin)) waitingNow.updateUnsafe(line.size, context)
          fiber?.interruptUnsafe()
        }
        const begin = () => {
          running++
          waits.updateUnsafe((performance.now() - asked) / 1_000, context)
          fiber = Effect.runForkWith(context)(orDefect(operation))
          fiber.addObserver((exit) => {
            running--
            const [next] = line
            if (next !== undefined) {
              line.delete(next)
              waitingNow.updateUnsafe(line.size, context)
              next()
            }
            if (!ended) end(exit)
          })
        }
        const timer = setTimeout(() => {
          ended = true
          giveUp()
          end(Exit.die(tooLate))
        }, Duration.toMillis(patience))

        if (running < permits) begin()
        else if (line.size < waiting) {
          line.add(begin)
          waitingNow.updateUnsafe(line.size, context)
        } else end(Exit.die(refused))

        return Effect.sync(() => {
          clearTimeout(timer)
          giveUp()
        })
      })
    )
}

/** The outage that an operation ended as, if it did. */
export const outageOf = (cause: Cause.Cause<unknown>): DatabaseUnavailable | undefined => {
  const defect = Cause.squash(cause)
  return defect instanceof DatabaseUnavailable ? defect : undefined
}
