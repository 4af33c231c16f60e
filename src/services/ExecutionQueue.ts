import { Context, Schema } from "effect"
import type { Effect, Scope } from "effect"
import type { Lease } from "./ExecutionStore.ts"

/** The queue can't be reached. Nothing is lost by that: the sweeper finds what was not enqueued. */
export class QueueUnavailable extends Schema.TaggedError<QueueUnavailable>()("QueueUnavailable", {
  detail: Schema.String
}) {}

/**
 * Wake-up calls for workers: to look at an execution that is queued at an epoch, and due. PostgreSQL is the truth: a
 * call may come late, twice or never. Enqueuing an execution at the same epoch again does nothing while the first call
 * waits. A queue delays nothing: what it kept for later would go by a worker's clock, and keep the sweeper's call out.
 */
export class ExecutionQueue extends Context.Service<
  ExecutionQueue,
  {
    readonly enqueue: (wakeUps: ReadonlyArray<Lease>) => Effect.Effect<void, QueueUnavailable>
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
