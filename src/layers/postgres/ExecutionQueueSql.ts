import { Effect, Layer } from "effect"
import { ExecutionQueue, QueueUnavailable } from "../../services/ExecutionQueue.ts"
import { makeFibers } from "../../services/fibers.ts"
import { Database } from "./Database.ts"
import { makeSlots } from "./slots.ts"

/**
 * `ExecutionQueue` that is the database's own table of executions: a call says only that something is due, and a worker
 * claims what it has room for. A call wakes this process's worker; those of others only when it has no room for all.
 */
export const layer = Layer.effect(
  ExecutionQueue,
  Effect.gen(function* () {
    const { notifier, read, reading } = yield* Database
    const workers = new Set<ReturnType<typeof makeSlots>>()

    return ExecutionQueue.of({
      enqueue: (wakeUps) =>
        Effect.sync(() => {
          if (workers.size === 0) notifier.notify()
          workers.forEach(({ call }) => call(wakeUps.length))
        }),

      consume: Effect.fnUntraced(function* ({ claim }, { concurrency }) {
        const handling = yield* makeFibers
        const slots = makeSlots({ count: concurrency, claim, run: handling.run, onOverflow: notifier.notify })
        yield* notifier.listen(Effect.sync(() => slots.call(0)))
        yield* Effect.acquireRelease(
          Effect.sync(() => workers.add(slots)),
          () =>
            Effect.sync(() => {
              workers.delete(slots)
              slots.close()
            }).pipe(Effect.andThen(handling.awaitEmpty))
        )
      }),

      ping: Effect.suspend(() =>
        workers.size === 0 || notifier.listens()
          ? Effect.asVoid(reading(read`SELECT 1`))
          : new QueueUnavailable({ detail: "other processes can't wake this one" })
      )
    })
  })
)
