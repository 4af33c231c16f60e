import { Context, Schema } from "effect"
import type { Duration, Effect, Scope } from "effect"
import type { Lease } from "./ExecutionStore.ts"

/** The queue can't be reached. Nothing is lost by that: the sweeper finds what was not enqueued. */
export class QueueUnavailable extends Schema.TaggedError<QueueUnavailable>()("QueueUnavailable", {
  detail: Schema.String
}) {}

/** A call to look at an execution: it is queued at this epoch, and due after the delay. */
export interface WakeUp extends Lease {
  readonly delay: Duration.Duration
}

/**
 * Wake-up calls for workers. PostgreSQL is the truth: a call may come late, twice or never. Enqueuing an execution at
 * the same epoch again does nothing while the first call waits.
 */
export class ExecutionQueue extends Context.Service<
  ExecutionQueue,
  {
    readonly enqueue: (wakeUps: ReadonlyArray<WakeUp>) => Effect.Effect<void, QueueUnavailable>
    /**
     * Hands calls to `handle`, at most `concurrency` at a time, until the scope closes: then none is handed out any
     * more, and closing waits for those under way.
     */
    readonly consume: (
      handle: (lease: Lease) => Effect.Effect<void>,
      options: { readonly concurrency: number }
    ) => Effect.Effect<void, QueueUnavailable, Scope.Scope>
    /** Whether the queue can be reached. */
    readonly ping: Effect.Effect<void, QueueUnavailable>
  }
>()("promptledger/services/ExecutionQueue") {}
