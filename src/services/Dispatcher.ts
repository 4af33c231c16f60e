import { Context, Duration, Effect, Layer, Queue } from "effect"
import { ExecutionQueue } from "./ExecutionQueue.ts"
import type { Lease } from "./ExecutionStore.ts"
import { logFailures } from "./logFailures.ts"

/** Wake-up calls waiting to be sent, now or later; past that they are dropped, and the sweeper finds their executions. */
const WAITING = 10_000
const BATCH = 100

/** Sends wake-up calls in the background, so that nobody waits for the queue: not even when it hangs. */
export class Dispatcher extends Context.Service<
  Dispatcher,
  {
    /** Takes the call and answers at once; whether it arrives, after the delay, is the queue's and the sweeper's business. */
    readonly send: (wakeUp: Lease, delay?: Duration.Duration) => Effect.Effect<void>
  }
>()("promptledger/services/Dispatcher") {
  static readonly layer = Layer.effect(
    Dispatcher,
    Effect.gen(function* () {
      const queue = yield* ExecutionQueue
      const scope = yield* Effect.scope
      const waiting = yield* Queue.dropping<Lease>(WAITING)
      let delayed = 0

      yield* Queue.takeBetween(waiting, 1, BATCH).pipe(
        Effect.flatMap(queue.enqueue),
        Effect.catchCause(logFailures("wake-up calls were not sent")),
        Effect.forever,
        Effect.forkScoped
      )

      const sendLater = (wakeUp: Lease, delay: Duration.Duration) =>
        Effect.suspend(() => {
          if (delayed >= WAITING) return Effect.void
          delayed++
          return Effect.sleep(delay).pipe(
            Effect.andThen(Queue.offer(waiting, wakeUp)),
            Effect.ensuring(Effect.sync(() => delayed--)),
            Effect.forkIn(scope)
          )
        })

      return Dispatcher.of({
        send: (wakeUp, delay = Duration.zero) =>
          Effect.asVoid(Duration.isPositive(delay) ? sendLater(wakeUp, delay) : Queue.offer(waiting, wakeUp))
      })
    })
  )
}
