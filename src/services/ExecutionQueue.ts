import { Context, Schema } from "effect"
import type { Effect, Scope } from "effect"
import type { Lease } from "./ExecutionStore.ts"

/** The queue can't be reached. Nothing is lost by that: the sweeper finds what was not enqueued. */
export class QueueUnavailable extends Schema.TaggedError<QueueUnavailable>()("QueueUnavailable", {
  detail: Schema.String
}) {
  override get message(): string {
    return `the queue is unavailable: ${this.detail}`
  }
}

/** What a worker does for a queue: one of the two, as the queue is made. */
export interface Consumer {
  /** Answers a call: carries out its execution, if it is still to be had. */
  readonly answer: (wakeUp: Lease) => Effect.Effect<void>
  /**
   * Takes executions that are due, whichever, at most `limit`. Each of the effects carries one out; all have to be
   * run, since nobody else may.
   */
  readonly claim: (limit: number) => Effect.Effect<ReadonlyArray<Effect.Effect<void>>>
}

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
     * Has calls answered by the consumer, with at most `concurrency` executions under way at a time, until the scope
     * closes: then none is begun any more, and closing waits for those under way.
     */
    readonly consume: (
      consumer: Consumer,
      options: { readonly concurrency: number }
    ) => Effect.Effect<void, QueueUnavailable, Scope.Scope>
    /** Whether the queue can be reached, and takes calls. */
    readonly ping: Effect.Effect<void, QueueUnavailable>
  }
>()("promptledger/services/ExecutionQueue") {}
