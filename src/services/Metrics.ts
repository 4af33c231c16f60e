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
  rollupsPending,
  sweeperFindsOf
} from "./instruments.ts"

const fromTheStart: ReadonlyArray<Metric.Metric<number, unknown>> = [
  ...AttemptOutcome.literals.map(attemptsWith),
  leasesLost,
  sweeperFindsOf("recovered"),
  sweeperFindsOf("due"),
  databaseFailuresOf("read"),
  databaseFailuresOf("scan"),
  databaseFailuresOf("write"),
  poolWaitingOf("read"),
  poolWaitingOf("scan"),
  poolWaitingOf("write"),
  droppedOf("executions"),
  droppedOf("bodies")
]

/** What the database tells. */
const ofDatabase = [queueDepth, oldestQueued, rollupsPending]
const away = ofDatabase.map(() => Number.NaN)

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

      // No key is needed to ask, and a long backlog takes long to count: all that ask at once share one look.
      const observeBacklog = yield* store.backlog.pipe(
        Effect.map(({ queued, oldest, unfolded }) => [queued, Duration.toSeconds(oldest), unfolded]),
        Effect.catchDefect((defect) =>
          defect instanceof DatabaseUnavailable ? Effect.succeed(away) : Effect.die(defect)
        ),
        Effect.flatMap((values) =>
          Effect.forEach(ofDatabase, (gauge, index) => Metric.update(gauge, values[index]!), {
            discard: true
          })
        ),
        Effect.cachedWithTTL(Duration.zero)
      )
      return Metrics.of({ exposition: Effect.andThen(observeBacklog, PrometheusMetrics.format()) })
    })
  )
}
