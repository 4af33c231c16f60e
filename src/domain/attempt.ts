import { Duration, Option } from "effect"
import type { Completion } from "./completion.ts"
import type { AttemptOutcome, ExecutionStatus } from "./Execution.ts"
import { failureDelay } from "./executionState.ts"
import type { ExecutionState } from "./executionState.ts"
import { isRetryable } from "./providerError.ts"
import type { ProviderError } from "./providerError.ts"
import { isStorable, toStorable } from "./Text.ts"
import { MAX_RESPONSE_BYTES, truncate } from "./truncation.ts"
import type { StoredText } from "./truncation.ts"

interface AttemptTelemetry {
  readonly latency_ms: number | null
  readonly provider_request_id: string | null
  readonly prompt_tokens: number | null
  readonly response_tokens: number | null
}

/** How an attempt ended, as the ledger keeps it, and with it perhaps its execution. */
export type AttemptEnd = AttemptTelemetry &
  (
    | {
        readonly _tag: "Succeeded"
        readonly response: StoredText
        /** Characters that can't be stored were replaced by U+FFFD. */
        readonly replaced: boolean
      }
    | {
        readonly _tag: "Failed"
        readonly error_type: string
        readonly error_message: string
        readonly http_status: number | null
        readonly retryable: boolean
        /** Given when another attempt follows, after so long: then the execution is queued again, and failed if not. */
        readonly retry_after: Duration.Duration | undefined
      }
  )

export const attemptSucceeded = (completion: Completion, latency: Duration.Duration): AttemptEnd => {
  const { text, prompt_tokens, response_tokens, provider_request_id } = completion
  return {
    _tag: "Succeeded",
    prompt_tokens: tokens(prompt_tokens),
    response_tokens: tokens(response_tokens),
    provider_request_id: requestId(provider_request_id),
    latency_ms: milliseconds(latency),
    response: truncate(toStorable(text), MAX_RESPONSE_BYTES),
    replaced: !isStorable(text)
  }
}

export const attemptFailed = (
  state: Pick<ExecutionState, "mode" | "attempts">,
  error: ProviderError,
  latency: Duration.Duration
): AttemptEnd => {
  const retryable = isRetryable(error)
  return {
    _tag: "Failed",
    error_type: `provider_${error.reason}`,
    error_message: error.detail,
    http_status: error.http_status,
    retryable,
    retry_after: Option.getOrUndefined(failureDelay(state, { retryable, retry_after: error.retry_after })),
    latency_ms: milliseconds(latency),
    provider_request_id: requestId(error.provider_request_id),
    prompt_tokens: null,
    response_tokens: null
  }
}

/** The attempt ended before the provider was called: what was to be sent could not be made again. */
export const attemptNotMade = (error_type: string, error_message: string): AttemptEnd => ({
  _tag: "Failed",
  error_type,
  error_message,
  http_status: null,
  retryable: false,
  retry_after: undefined,
  latency_ms: null,
  provider_request_id: null,
  prompt_tokens: null,
  response_tokens: null
})

/** The outcome of an attempt, as the ledger names it. */
export const outcomeOf = (end: AttemptEnd): AttemptOutcome =>
  end._tag === "Succeeded" ? "succeeded" : end.retryable ? "retryable" : "failed"

/** What becomes of an execution by an attempt's end. */
export const statusAfter = (end: AttemptEnd): ExecutionStatus => {
  if (end._tag === "Succeeded") return "succeeded"
  return end.retry_after === undefined ? "failed" : "queued"
}

/** The largest number that a column of counts holds. */
const MAX_COUNT = 2_147_483_647
const MAX_REQUEST_ID = 255

/** A provider may say anything: what is no count, or no id of a length that ids have, is as good as not said. */
const tokens = (count: unknown): number | null =>
  Number.isInteger(count) && Number(count) >= 0 && Number(count) <= MAX_COUNT ? Number(count) : null

const requestId = (id: unknown): string | null =>
  typeof id === "string" && id.length <= MAX_REQUEST_ID && isStorable(id) ? id : null

const milliseconds = (duration: Duration.Duration): number => Math.round(Duration.toMillis(duration))
