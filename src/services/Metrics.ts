import { Context, Duration, Effect, Layer, Metric } from "effect"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import { AttemptOutcome } from "../domain/Execution.ts"
import { DatabaseUnavailable } from "./DatabaseUnavailable.ts"
import { ExecutionStore } from "./ExecutionStore.ts"
import {
  attemptsWith,
  databaseFailuresOf,
  droppedOf,
  leasesLost,
  oldestQueued,
  poolWaitingOf,
  queueDepth,
  sweeperFindsOf
} from "./instruments.ts"

const fromTheStart: ReadonlyArray<Metric.Metric<number, unknown>> = [
  ...AttemptOutcome.literals.map(attemptsWith),
  leasesLost,
  sweeperFindsOf("recovered"),
  sweeperFindsOf("due"),
  databaseFailuresOf("read"),
  databaseFailuresOf("write"),
  poolWaitingOf("read"),
  poolWaitingOf("write"),
  droppedOf("executions"),
  droppedOf("bodies")
]

/** What this process measures of itself, and how much work waits in the database. */
export class Metrics extends Context.Service<
  Metrics,
  {
    /** The measures as Prometheus's text format 0.0.4. What the database would tell is `NaN` while it is away. */
    readonly exposition: Effect.Effect<string>
  }
>()("promptledger/services/Metrics") {
  static readonly layer = Layer.effect(
    Metrics,
    Effect.gen(function* () {
      const store = yield* ExecutionStore
      // A counter that is there from the start shows its first step; one that appears with it does not.
      yield* Effect.forEach(fromTheStart, (metric) => Metric.update(metric, 0), { discard: true })

      const observeBacklog = store.backlog.pipe(
        Effect.map(({ queued, oldest }) => [queued, Duration.toSeconds(oldest)] as const),
        Effect.catchDefect((defect) =>
          defect instanceof DatabaseUnavailable
            ? Effect.succeed([Number.NaN, Number.NaN] as const)
            : Effect.die(defect)
        ),
        Effect.flatMap(([depth, age]) =>
          Effect.andThen(Metric.update(queueDepth, depth), Metric.update(oldestQueued, age))
        )
      )
      return Metrics.of({ exposition: Effect.andThen(observeBacklog, PrometheusMetrics.format()) })
    })
  )
}
