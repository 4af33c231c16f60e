import { Duration, Effect, Option, Schema } from "effect"
import { ExecutionMode, ExecutionStatus } from "./Execution.ts"
import { MAX_ATTEMPTS, MAX_LOST_ATTEMPTS, retryDelay } from "./retry.ts"

/** What the rules of design section 6 need to know of an execution. */
export const ExecutionState = Schema.Struct({
  status: ExecutionStatus,
  mode: ExecutionMode,
  /** The fencing token: raised by each claim, and the number of the attempt that it makes. */
  epoch: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  attempts: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: MAX_ATTEMPTS })),
  lost_attempts: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: MAX_LOST_ATTEMPTS }))
})
export type ExecutionState = typeof ExecutionState.Type

/** What can happen to an execution. All but `Claim` and `Cancel` carry the epoch of the attempt that they end. */
export type ExecutionEvent =
  | { readonly _tag: "Claim" }
  | { readonly _tag: "Succeed"; readonly epoch: number }
  | {
      readonly _tag: "Fail"
      readonly epoch: number
      readonly retryable: boolean
      readonly retry_after: Option.Option<Duration.Duration>
    }
  /** Its worker is gone, or gave it back: whether the provider answered is unknown. */
  | { readonly _tag: "Lose"; readonly epoch: number }
  | { readonly _tag: "Cancel" }

/** The execution has ended, or another worker has it by now: what was tried does not apply to it any more. */
export class InvalidTransition extends Schema.TaggedError<InvalidTransition>()("InvalidTransition", {
  status: ExecutionStatus,
  event: Schema.String
}) {}

export interface Transition {
  readonly state: ExecutionState
  /** How long a queued execution waits before it may be claimed. */
  readonly delay: Duration.Duration
}

/** The state after an event; nothing leads out of an ended execution, nor past a later claim. */
export const transition = (
  state: ExecutionState,
  event: ExecutionEvent
): Effect.Effect<Transition, InvalidTransition> => {
  const refuse = Effect.fail(new InvalidTransition({ status: state.status, event: event._tag }))
  const become = (next: Partial<ExecutionState>, delay = Duration.zero) =>
    Effect.succeed({ state: { ...state, ...next }, delay })

  if (event._tag === "Claim") {
    if (state.status !== "queued") return refuse
    return become({ status: "running", epoch: state.epoch + 1, attempts: state.attempts + 1 })
  }
  if (event._tag === "Cancel") {
    return state.status === "queued" || state.status === "running" ? become({ status: "canceled" }) : refuse
  }
  if (state.status !== "running" || event.epoch !== state.epoch) return refuse
  switch (event._tag) {
    case "Succeed":
      return become({ status: "succeeded" })
    case "Fail": {
      const delay = failureDelay(state, event)
      return Option.isNone(delay) ? become({ status: "failed" }) : become({ status: "queued" }, delay.value)
    }
    case "Lose": {
      const lost_attempts = state.lost_attempts + 1
      const status = state.mode === "async" && lost_attempts < MAX_LOST_ATTEMPTS ? "queued" : "failed"
      return become({ status, attempts: state.attempts - 1, lost_attempts })
    }
  }
}

/** How long a failed attempt's execution waits for its next one; nothing when there is none, as always for sync. */
export const failureDelay = (
  state: Pick<ExecutionState, "mode" | "attempts">,
  failure: { readonly retryable: boolean; readonly retry_after: Option.Option<Duration.Duration> }
): Option.Option<Duration.Duration> =>
  failure.retryable && state.mode === "async"
    ? retryDelay(state.attempts, failure.retry_after)
    : Option.none()
