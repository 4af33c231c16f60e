import { Schema } from "effect"
import { DateOrNull } from "./dates.ts"
import { ExecutionId, ModelId, PromptId, VersionId } from "./Ids.ts"
import { ModelParams, ProviderName } from "./Model.ts"
import { PromptMode } from "./Prompt.ts"
import { textOf } from "./Text.ts"

export const ExecutionMode = Schema.Literals(["sync", "async"])
export type ExecutionMode = typeof ExecutionMode.Type

export const ExecutionStatus = Schema.Literals(["queued", "running", "succeeded", "failed", "canceled"])
export type ExecutionStatus = typeof ExecutionStatus.Type

/** A status that nothing leaves. */
export const isTerminal = (status: ExecutionStatus): boolean => status !== "queued" && status !== "running"

export const AttemptOutcome = Schema.Literals(["succeeded", "failed", "retryable", "canceled", "unknown"])
export type AttemptOutcome = typeof AttemptOutcome.Type

/** `dev`, `staging`, `prod` or the like: what analytics and lists are filtered by. */
export const Environment = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_.-]{1,64}$/, {
    message: "Expected 1 to 64 characters of letters, digits, '_', '.' and '-'"
  })
)
export const DEFAULT_ENVIRONMENT = "dev"

export const CorrelationId = textOf(255)

/** What a call cost and who answered it; null until it ended, or where the provider does not say. */
export const Telemetry = Schema.Struct({
  provider: ProviderName,
  model_name: Schema.String,
  prompt_tokens: Schema.NullOr(Schema.Int),
  response_tokens: Schema.NullOr(Schema.Int),
  /** Milliseconds of the provider call that gave the answer. */
  latency_ms: Schema.NullOr(Schema.Int),
  provider_request_id: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Telemetry" })
export type Telemetry = typeof Telemetry.Type

/** An execution without its texts, as lists show it. */
export const ExecutionSummary = Schema.Struct({
  execution_id: ExecutionId,
  status: ExecutionStatus,
  mode: ExecutionMode,
  prompt_id: PromptId,
  prompt_name: Schema.String,
  prompt_mode: PromptMode,
  version_id: VersionId,
  version_number: Schema.Int,
  model_id: ModelId,
  environment: Schema.String,
  correlation_id: Schema.NullOr(Schema.String),
  idempotency_key: Schema.NullOr(Schema.String),
  params: ModelParams,
  telemetry: Telemetry,
  /** Calls made to the provider that count towards the four; those lost with their worker are counted apart. */
  attempts: Schema.Int,
  lost_attempts: Schema.Int,
  /** A text was too long to be stored whole (design section 6). */
  truncated: Schema.Boolean,
  error_type: Schema.NullOr(Schema.String),
  error_message: Schema.NullOr(Schema.String),
  created_at: Schema.Date,
  started_at: DateOrNull,
  completed_at: DateOrNull,
  /** When a queued execution is tried (again). */
  next_attempt_at: DateOrNull,
  /** When its texts were dropped for their age: prompt, response, variables and error messages. Null while they are kept. */
  bodies_dropped_at: DateOrNull
}).annotate({ identifier: "ExecutionSummary" })
export type ExecutionSummary = typeof ExecutionSummary.Type

export const Execution = ExecutionSummary.mapFields((fields) => ({
  ...fields,
  response_text: Schema.NullOr(Schema.String)
})).annotate({ identifier: "Execution" })
export type Execution = typeof Execution.Type

/** A text as it is stored: perhaps cut, with the length in bytes and the SHA-256 of the whole. */
const Stored = Schema.Struct({
  /** Null when it was dropped for its age; the length and the hash stay. */
  text: Schema.NullOr(Schema.String),
  bytes: Schema.Int,
  sha256: Schema.String
}).annotate({ identifier: "StoredText" })

/** An execution with everything the ledger holds of it. */
export const ExecutionRecord = Execution.mapFields((fields) => ({
  ...fields,
  rendered_prompt: Stored,
  response: Schema.NullOr(Stored)
})).annotate({ identifier: "ExecutionRecord" })
export type ExecutionRecord = typeof ExecutionRecord.Type

/** One call to a provider. Its row is written before the call, so that a call can't go unrecorded. */
export const Attempt = Schema.Struct({
  attempt_number: Schema.Int,
  started_at: Schema.Date,
  completed_at: DateOrNull,
  /** Null while the call is under way; `unknown` when its worker was lost. */
  outcome: Schema.NullOr(AttemptOutcome),
  error_type: Schema.NullOr(Schema.String),
  error_message: Schema.NullOr(Schema.String),
  http_status: Schema.NullOr(Schema.Int),
  provider_request_id: Schema.NullOr(Schema.String),
  latency_ms: Schema.NullOr(Schema.Int),
  prompt_tokens: Schema.NullOr(Schema.Int),
  response_tokens: Schema.NullOr(Schema.Int)
}).annotate({ identifier: "Attempt" })
export type Attempt = typeof Attempt.Type

/** No execution of that id, in this project. */
export class ExecutionNotFound extends Schema.TaggedError<ExecutionNotFound>()("ExecutionNotFound", {
  execution_id: Schema.String
}) {}

/** The execution has ended, so that it can't be canceled any more. */
export class ExecutionEnded extends Schema.TaggedError<ExecutionEnded>()("ExecutionEnded", {
  execution_id: ExecutionId,
  status: ExecutionStatus
}) {}

/** A sync execution failed, and its row says so too. */
export class ExecutionFailed extends Schema.TaggedError<ExecutionFailed>()("ExecutionFailed", {
  execution_id: ExecutionId,
  /** As in the row: `provider_timeout`, `worker_lost` and the like. */
  error_type: Schema.String,
  error_message: Schema.String,
  retry_after: Schema.Option(Schema.Duration)
}) {}
