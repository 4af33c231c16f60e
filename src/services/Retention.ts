import { Context, Duration, Effect, Layer, Metric } from "effect"
import type { RetentionBounds } from "../domain/retention.ts"
import { inBatches } from "./batches.ts"
import type { Batch, WhenTaken } from "./batches.ts"
import { droppedOf } from "./instruments.ts"
import { RetentionStore } from "./RetentionStore.ts"
import type { Dropped } from "./RetentionStore.ts"
import { Settings } from "./Settings.ts"

/** Executions that one statement drops at most. */
const BATCH = 500

/** The least rest after a batch. It is as long as the batch took, so that others have the database half of the time. */
const REST = Duration.millis(100)

/** Batches after which a long run tells how far it is. */
const TOLD = 20

/** Drops executions, or their bodies, that are older than a bound: in small batches, with rests between them. */
export class Retention extends Context.Service<
  Retention,
  {
    /** Drops by the settings, until nothing is left or another process is at it; says how much. */
    readonly pass: Effect.Effect<Dropped>
    /** Drops by these bounds until nothing is left; says how much, by a log where it fails before. */
    readonly drop: (bounds: RetentionBounds) => Effect.Effect<Dropped>
    /** How much is older than these bounds. */
    readonly count: (bounds: RetentionBounds) => Effect.Effect<Dropped>
  }
>()("promptledger/services/Retention") {
  static readonly layer = Layer.effect(
    Retention,
    Effect.gen(function* () {
      const store = yield* RetentionStore
      const { retain } = yield* Settings

      const dropBy = Effect.fnUntraced(function* (bounds: RetentionBounds, whenTaken: WhenTaken) {
        const { bodies, executions } = bounds
        const dropped = { executions: 0, bodies: 0 }
        const dropAll = (kind: keyof Dropped, batch: Batch) => {
          let batches = 0
          return inBatches(batch, {
            size: BATCH,
            whenTaken,
            rest: (took) => Duration.max(took, REST),
            onBatch: Effect.fnUntraced(function* (count) {
              dropped[kind] += count
              yield* Metric.update(droppedOf(kind), count)
              if (++batches % TOLD > 0) return
              yield* Effect.logInfo("dropping goes on").pipe(Effect.annotateLogs({ [kind]: dropped[kind] }))
            })
          })
        }
        return yield* Effect.gen(function* () {
          // Executions first: the bodies of those that go need not be dropped before.
          if (executions !== undefined) {
            yield* dropAll("executions", (limit) => store.dropExecutions(executions, limit))
          }
          if (bodies !== undefined) yield* dropAll("bodies", (limit) => store.dropBodies(bodies, limit))
          return dropped
        }).pipe(
          Effect.tapDefect(() =>
            Effect.logError("dropping ended early; so much was dropped").pipe(Effect.annotateLogs(dropped))
          )
        )
      })

      return Retention.of({
        pass: dropBy(retain, "leave").pipe(
          Effect.tap((dropped) =>
            dropped.executions + dropped.bodies === 0
              ? Effect.void
              : Effect.logInfo("dropped what was kept long enough").pipe(Effect.annotateLogs({ ...dropped }))
          ),
          Effect.withSpan("Retention.pass")
        ),
        drop: Effect.fn("Retention.drop")((bounds) => dropBy(bounds, "wait")),
        count: Effect.fn("Retention.count")((bounds) => store.count(bounds))
      })
    })
  )
}
