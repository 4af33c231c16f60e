import { Effect, Fiber, Layer, Queue } from "effect"
import { ExecutionQueue } from "../../services/ExecutionQueue.ts"
import type { Lease } from "../../services/ExecutionStore.ts"

/** Calls that wait in this process at most; past that they are dropped, and the sweeper finds their executions. */
const WAITING = 100_000

/** `ExecutionQueue` inside one process. */
export const layer = Layer.effect(
  ExecutionQueue,
  Effect.gen(function* () {
    const ready = yield* Queue.dropping<Lease>(WAITING)
    const waiting = new Set<string>()
    const idOf = ({ execution_id, epoch }: Lease) => `${execution_id}-${epoch}`

    const wake = ({ execution_id, epoch }: Lease) => {
      const id = idOf({ execution_id, epoch })
      if (!waiting.has(id) && Queue.offerUnsafe(ready, { execution_id, epoch })) waiting.add(id)
    }

    /** Takes calls until it is interrupted; a call that was taken is handled to its end all the same. */
    const worker = (handle: (lease: Lease) => Effect.Effect<void>) =>
      Effect.uninterruptibleMask((restore) =>
        restore(Queue.take(ready)).pipe(
          Effect.tap((lease) => Effect.sync(() => waiting.delete(idOf(lease)))),
          Effect.flatMap((lease) => Effect.forkDetach(handle(lease))),
          Effect.flatMap(Fiber.await),
          Effect.forever
        )
      )

    return ExecutionQueue.of({
      enqueue: (wakeUps) => Effect.sync(() => wakeUps.forEach(wake)),
      consume: (handle, { concurrency }) =>
        Effect.asVoid(
          Effect.forkScoped(
            Effect.all(
              Array.from({ length: concurrency }, () => worker(handle)),
              { concurrency }
            )
          )
        ),
      ping: Effect.void
    })
  })
)
