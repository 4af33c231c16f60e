import { Effect } from "effect"
import type { Consumer } from "../../services/ExecutionQueue.ts"
import { logFailures } from "../../services/logFailures.ts"

export interface SlotsOptions {
  readonly count: number
  readonly claim: Consumer["claim"]
  /** Runs an effect to its end. */
  readonly run: (effect: Effect.Effect<void>) => void
  /** Called when there may be more to do than there is room for here. */
  readonly onOverflow: () => void
}

/**
 * A worker's room, filled by one claim at a time for all that is free by then: the busier it is, the more it claims at
 * once, and it claims nothing without a call.
 */
export const makeSlots = ({ count, claim, run, onOverflow }: SlotsOptions) => {
  let free = count
  let claiming = false
  let closed = false
  /** Whether something may be due that no claim has looked for. */
  let due = false
  /** Calls that no other process knows of. */
  let unshared = 0
  /** What one claim may ask for: less after one that was not answered in time, as when there is much text to send. */
  let room = count

  const fill = () => {
    if (claiming) return
    if (closed ? due : unshared > free) onOverflow()
    unshared = 0
    due &&= !closed
    if (!due || free === 0) return
    claiming = true
    run(claimed)
  }

  const carryOut = (one: Effect.Effect<void>) => {
    free--
    const done = Effect.sync(() => {
      free++
      fill()
    })
    run(Effect.ensuring(one, done))
  }

  const claimed = Effect.gen(function* () {
    // Slots that become free in this turn are filled by this claim.
    yield* Effect.yieldNow
    if (closed) return
    due = false
    const limit = Math.min(free, room)
    const all = yield* Effect.onError(claim(limit), () =>
      Effect.sync(() => {
        room = Math.ceil(limit / 2)
        due = limit > 1
      })
    )
    room = Math.min(count, room * 2)
    due ||= all.length === limit
    all.forEach(carryOut)
  }).pipe(
    Effect.catchCause(logFailures("executions were not claimed")),
    Effect.ensuring(
      Effect.sync(() => {
        claiming = false
        fill()
      })
    ),
    Effect.uninterruptible
  )

  return {
    /** Tells that something may be due: so many executions, as far as the caller knows of them. */
    call: (known: number) => {
      unshared += known
      due = true
      fill()
    },
    /** Claims nothing any more. */
    close: () => {
      closed = true
      fill()
    }
  }
}
