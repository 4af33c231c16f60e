import { Duration, Effect, Option } from "effect"
import { DatabaseUnavailable } from "./DatabaseUnavailable.ts"

/** Does what there is to do for at most so many rows, by one statement; says how many, or none while another is at it. */
export type Batch = (limit: number) => Effect.Effect<Option.Option<number>>

/** What a run does while another process is at it: leaves it the rest, or waits for its turn. */
export type WhenTaken = "leave" | "wait"

export interface BatchesOptions {
  /** Rows that a batch has at most: few enough to be done within a statement's time limit on a busy server. */
  readonly size: number
  readonly whenTaken: WhenTaken
  /** How long to rest after a batch that took so long; not at all unless told. */
  readonly rest?: (took: Duration.Duration) => Duration.Duration
  /** Told of each batch how many it did. */
  readonly onBatch: (done: number) => Effect.Effect<void>
}

/** How long a run waits before it asks again whether it is its turn. */
const TURN = Duration.millis(100)

/** Does one batch after the other, until one is not full. */
export const inBatches = Effect.fnUntraced(function* (
  batch: Batch,
  { size, whenTaken, rest, onBatch }: BatchesOptions
) {
  let limit = size
  for (;;) {
    const [took, tried] = yield* Effect.timed(inTime(batch, limit))
    limit = tried.limit
    if (Option.isSome(tried.done)) {
      yield* onBatch(tried.done.value)
      if (tried.done.value < limit) return
      if (rest !== undefined) yield* Effect.sleep(rest(took))
    } else {
      if (whenTaken === "leave") return
      yield* Effect.sleep(TURN)
    }
  }
})

/** A batch; what the database can't do in time is tried with half as many. */
const inTime = (
  batch: Batch,
  limit: number
): Effect.Effect<{ readonly done: Option.Option<number>; readonly limit: number }> =>
  batch(limit).pipe(
    Effect.map((done) => ({ done, limit })),
    Effect.catchDefect((defect) =>
      defect instanceof DatabaseUnavailable && limit > 1
        ? inTime(batch, Math.ceil(limit / 2))
        : Effect.die(defect)
    )
  )
