import { Option, Schema } from "effect"
import type { ExecutionEvent, ExecutionState } from "../../src/domain/executionState.ts"

export const Happening = Schema.Struct({
  kind: Schema.Literals(["Claim", "Succeed", "Fail", "FailForGood", "Lose", "Cancel"]),
  /** Which attempt it comes from: this one, or one that was fenced off before. */
  stale: Schema.Boolean
})
/** What happens to an execution, one thing after the other. */
export const History = Schema.Struct({
  mode: Schema.Literals(["sync", "async"]),
  happenings: Schema.Array(Happening).check(Schema.isMaxLength(40))
})

export const queued = (mode: "sync" | "async"): ExecutionState => ({
  status: "queued",
  mode,
  epoch: 0,
  attempts: 0,
  lost_attempts: 0
})

/** What a happening is to an execution in this state. */
export const eventOf = ({ kind, stale }: typeof Happening.Type, state: ExecutionState): ExecutionEvent => {
  const epoch = stale ? state.epoch - 1 : state.epoch
  switch (kind) {
    case "Claim":
    case "Cancel":
      return { _tag: kind }
    case "Succeed":
    case "Lose":
      return { _tag: kind, epoch }
    default:
      return { _tag: "Fail", epoch, retryable: kind === "Fail", retry_after: Option.none() }
  }
}
