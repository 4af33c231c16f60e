import { Context, Effect, Layer, Queue } from "effect"
import { ExecutionQueue } from "./ExecutionQueue.ts"
import type { WakeUp } from "./ExecutionQueue.ts"

/** Wake-up calls waiting to be sent; past that they are dropped, and the sweeper finds their executions. */
const WAITING = 10_000
const BATCH = 100

/** Sends wake-up calls in the background, so that nobody waits for the queue: not even when it hangs. */
export class Dispatcher extends Context.Service<
  Dispatcher,
  {
    /** Takes the calls and answers at once; whether they arrive is the queue's and the sweeper's business. */
    readonly send: (wakeUps: ReadonlyArray<WakeUp>) => Effect.Effect<void>
  }
>()("promptledger/services/Dispatcher") {
  static readonly layer = Layer.effect(
    Dispatcher,
    Effect.gen(function* () {
      const queue = yield* ExecutionQueue
      const waiting = yield* Queue.dropping<WakeUp>(WAITING)

      yield* Queue.takeBetween(waiting, 1, BATCH).pipe(
        Effect.flatMap(queue.enqueue),
        Effect.catch((error) =>
          Effect.logWarning("wake-up calls were not sent").pipe(Effect.annotateLogs({ error: error.detail }))
        ),
        Effect.forever,
        Effect.forkScoped
      )
      return Dispatcher.of({ send: (wakeUps) => Effect.asVoid(Queue.offerAll(waiting, wakeUps)) })
    })
  )
}
