import { Context, Duration, Effect, Layer, Metric, Option } from "effect"
import type { RetentionBounds } from "../domain/retention.ts"
import { DatabaseUnavailable } from "./DatabaseUnavailable.ts"
import { droppedOf } from "./instruments.ts"
import { RetentionStore } from "./RetentionStore.ts"
import type { Dropped } from "./RetentionStore.ts"
import { Settings } from "./Settings.ts"

/** Executions that one statement drops at most: few enough to be done within its time limit on a busy server. */
const BATCH = 500

/** The least rest after a batch. It is as long as the batch took, so that others have the database half of the time. */
const REST = Duration.millis(100)

/** Batches after which a long run tells how far it is. */
const TOLD = 20

/** What a run does while another process drops: leaves it the rest, or waits for its turn. */
type WhenTaken = "leave" | "wait"

type Batch = (limit: number) => Effect.Effect<Option.Option<number>>

/** Drops executions, or their bodies, that are older than a bound: in small batches, with rests between them. */
export class Retention extends Context.Service<
  Retention,
  {
    /** Drops by the settings, until nothing is left or another process is at it; says how much. */
    readonly pass: Effect.Effect<Dropped>
    /** Drops by these bounds until nothing is left; says how much. */
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

      const dropAll = Effect.fnUntraced(function* (kind: keyof Dropped, batch: Batch, whenTaken: WhenTaken) {
        let total = 0
        let limit = BATCH
        for (let batches = 1; ; batches++) {
          const [took, done] = yield* Effect.timed(inTime(batch, limit))
          const dropped = Option.getOrElse(done.dropped, () => 0)
          total += dropped
          limit = done.limit
          yield* Metric.update(droppedOf(kind), dropped)
          if (Option.isSome(done.dropped) ? dropped < limit : whenTaken === "leave") return total
          if (batches % TOLD === 0) {
            yield* Effect.logInfo("dropping goes on").pipe(Effect.annotateLogs({ [kind]: total }))
          }
          yield* Effect.sleep(Duration.max(took, REST))
        }
      })

      /** Executions first: the bodies of those that go need not be dropped before. */
      const dropBy = Effect.fnUntraced(function* (bounds: RetentionBounds, whenTaken: WhenTaken) {
        const { bodies, executions } = bounds
        const dropped = { executions: 0, bodies: 0 }
        if (executions !== undefined) {
          const batch: Batch = (limit) => store.dropExecutions(executions, limit)
          dropped.executions = yield* dropAll("executions", batch, whenTaken)
        }
        if (bodies !== undefined) {
          const batch: Batch = (limit) => store.dropBodies(bodies, limit)
          dropped.bodies = yield* dropAll("bodies", batch, whenTaken)
        }
        return dropped
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

/** A batch; what the database can't do in time is tried with half as many, since texts may be long. */
const inTime = (
  batch: Batch,
  limit: number
): Effect.Effect<{ readonly dropped: Option.Option<number>; readonly limit: number }> =>
  batch(limit).pipe(
    Effect.map((dropped) => ({ dropped, limit })),
    Effect.catchDefect((defect) =>
      defect instanceof DatabaseUnavailable && limit > 1
        ? inTime(batch, Math.ceil(limit / 2))
        : Effect.die(defect)
    )
  )
