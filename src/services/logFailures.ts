import { Cause, Clock, Effect } from "effect"
import { DatabaseUnavailable } from "./DatabaseUnavailable.ts"
import { QueueUnavailable } from "./ExecutionQueue.ts"

/** How long an outage is not told of again, in nanoseconds: it fails whatever is tried meanwhile. */
const QUIET = 1_000_000_000n

/**
 * Logs the failures of something that is done again and again: those by an outage with its reason, and once a second at
 * most; and any other with all that is known of it.
 */
export const logFailures = (what: string) => {
  let quietUntil = 0n
  return (cause: Cause.Cause<unknown>): Effect.Effect<void> => {
    const error = Cause.squash(cause)
    if (!(error instanceof DatabaseUnavailable || error instanceof QueueUnavailable)) {
      return Effect.logWarning(what, cause)
    }
    return Effect.flatMap(Clock.monotonicTimeNanos, (now) => {
      if (now < quietUntil) return Effect.void
      quietUntil = now + QUIET
      return Effect.logWarning(`${what}: ${error.message}`)
    })
  }
}
