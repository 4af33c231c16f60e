import { Clock, Context, Effect, Layer, Metric } from "effect"
import { ExecutionQueue } from "./ExecutionQueue.ts"
import type { QueueUnavailable } from "./ExecutionQueue.ts"
import { ExecutionStore } from "./ExecutionStore.ts"
import { attemptsWith, sweeperFindsOf } from "./instruments.ts"
import { logEnd } from "./logEnd.ts"
import { Settings } from "./Settings.ts"

/** Executions that one sweep takes up at most, of each kind. */
const SWEPT = 1_000

/**
 * How long the database has to answer before executions are taken back, in nanoseconds: answers that came while it was
 * away are written first, by workers that try every second and wait for up to two.
 */
const SETTLED = 3_000_000_000n

export interface SweepResult {
  /** Executions taken back from workers that were lost: queued again, or failed. */
  readonly recovered: number
  /** Executions that were due and not yet taken up: their wake-up calls were sent again. */
  readonly due: number
}

/** Finds in PostgreSQL what the queue forgot and what lost workers left, and sends for a worker again. */
export class Sweeper extends Context.Service<
  Sweeper,
  { readonly sweep: Effect.Effect<SweepResult, QueueUnavailable> }
>()("promptledger/services/Sweeper") {
  static readonly layer = Layer.effect(
    Sweeper,
    Effect.gen(function* () {
      const store = yield* ExecutionStore
      const queue = yield* ExecutionQueue
      const { grace } = yield* Settings

      /** Since when the database has answered; nothing after a sweep that failed. */
      let answering: bigint | undefined

      const sweep = Effect.gen(function* () {
        const since = answering
        answering = undefined
        const settled = since !== undefined && (yield* Clock.monotonicTimeNanos) - since >= SETTLED
        const recovered = settled ? yield* store.recover(SWEPT) : []
        yield* Effect.forEach(recovered, logEnd, { discard: true })
        const again = recovered.filter(({ status }) => status === "queued")
        const due = yield* store.due(grace, SWEPT)
        answering = since ?? (yield* Clock.monotonicTimeNanos)
        yield* Metric.update(sweeperFindsOf("recovered"), recovered.length)
        yield* Metric.update(attemptsWith("unknown"), recovered.length)
        yield* Metric.update(sweeperFindsOf("due"), due.length)
        const wakeUps = [...again, ...due].map(({ execution_id, epoch }) => ({ execution_id, epoch }))
        if (wakeUps.length > 0) yield* queue.enqueue(wakeUps)
        return { recovered: recovered.length, due: due.length }
      }).pipe(Effect.withSpan("Sweeper.sweep"))

      return Sweeper.of({ sweep })
    })
  )
}
