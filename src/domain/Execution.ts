import { Schema } from "effect"
import { dateOf, dateOrNull } from "./dates.ts"
import { ExecutionId, ModelId, PromptId, VersionId } from "./Ids.ts"
import { Model, ModelParams } from "./Model.ts"
import { Prompt, PromptMode, PromptVersion } from "./Prompt.ts"
import { MAX_ATTEMPTS, MAX_LOST_ATTEMPTS } from "./retry.ts"
import { textOf } from "./Text.ts"
import { MAX_PROMPT_BYTES, MAX_RESPONSE_BYTES } from "./truncation.ts"

export const ExecutionMode = Schema.Literals(["sync", "async"]).annotate({
  description: "Whether the answer is waited for, or a worker makes the call."
})
export type ExecutionMode = typeof ExecutionMode.Type

export const ExecutionStatus = Schema.Literals([
  "queued",
  "running",
  "succeeded",
  "failed",
  "canceled"
]).annotate({
  description: "How far the execution has come; `succeeded`, `failed` and `canceled` are final."
})
export type ExecutionStatus = typeof ExecutionStatus.Type

/** A status that nothing leaves. */
export const isTerminal = (status: ExecutionStatus): boolean => status !== "queued" && status !== "running"

export const AttemptOutcome = Schema.Literals(["succeeded", "failed", "retryable", "canceled", "unknown"])
export type AttemptOutcome = typeof AttemptOutcome.Type

export const Environment = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_.-]{1,64}$/u, {
    message: "Expected 1 to 64 characters of letters, digits, '_', '.' and '-'",
    description: "`dev`, `staging`, `prod` or the like: what executions and analytics are filtered by."
  })
)
export const DEFAULT_ENVIRONMENT = "dev"

export const CorrelationId = textOf(255).annotate({
  description: "The caller's own id for what the execution is part of."
})

const bytes = (count: number) => `${count.toLocaleString("en")} bytes of UTF-8`

/** What a provider says of a call, and how long the call took. */
const call = {
  prompt_tokens: Schema.NullOr(Schema.Int).annotate({
    description: "Tokens of the prompt; null until the call has ended, or when the provider does not say."
  }),
  response_tokens: Schema.NullOr(Schema.Int).annotate({
    description: "Tokens of the response; null until the call has ended, or when the provider does not say."
  }),
  latency_ms: Schema.NullOr(Schema.Int).annotate({
    description: "Milliseconds that the call took; null until it has ended, or when it was never made."
  }),
  provider_request_id: Schema.NullOr(Schema.String).annotate({
    description:
      "The provider's own id for the call; null until it has ended, or when the provider does not say."
  })
}

export const Telemetry = Schema.Struct({
  provider: Model.fields.provider,
  model_name: Model.fields.model_name,
  ...call
}).annotate({
  identifier: "Telemetry",
  description: "Who answered, and what the last call to the provider took."
})
export type Telemetry = typeof Telemetry.Type

export const ExecutionSummary = Schema.Struct({
  execution_id: ExecutionId,
  status: ExecutionStatus,
  mode: ExecutionMode,
  prompt_id: PromptId,
  prompt_name: Prompt.fields.name,
  prompt_mode: PromptMode,
  version_id: VersionId,
  version_number: PromptVersion.fields.version_number,
  model_id: ModelId,
  environment: Schema.String.annotate({ description: "The environment that the execution was made for." }),
  correlation_id: Schema.NullOr(Schema.String).annotate({
    description: "The caller's own id for what the execution is part of; null when none was given."
  }),
  idempotency_key: Schema.NullOr(Schema.String).annotate({
    description: "The key that stands for the request; null when none was given."
  }),
  params: ModelParams,
  telemetry: Telemetry,
  attempts: Schema.Int.annotate({
    description: `Calls to the provider, at most ${MAX_ATTEMPTS}; those lost with their worker are counted apart.`
  }),
  lost_attempts: Schema.Int.annotate({
    description: `Calls whose outcome is unknown because their worker was lost, at most ${MAX_LOST_ATTEMPTS}.`
  }),
  truncated: Schema.Boolean.annotate({
    description: `Whether a text was too long to be stored whole: a prompt of over ${bytes(MAX_PROMPT_BYTES)}, or a response of over ${bytes(MAX_RESPONSE_BYTES)}.`
  }),
  error_type: Schema.NullOr(Schema.String).annotate({
    description:
      "Why the execution failed, such as `provider_timeout` or `worker_lost`, or what was done to a text to store it: `truncated` or `replaced`; else null."
  }),
  error_message: Schema.NullOr(Schema.String).annotate({
    description: "The error in words; null when there is none, or when it was dropped for its age."
  }),
  created_at: dateOf("When the execution was accepted."),
  started_at: dateOrNull("When the first call was made; null before it."),
  completed_at: dateOrNull("When the execution ended; null before that."),
  next_attempt_at: dateOrNull("When a queued execution is tried, or tried again; null unless it is queued."),
  bodies_dropped_at: dateOrNull(
    "When its texts were dropped for their age: prompt, response, variables and error messages; null while they are kept."
  )
}).annotate({ identifier: "ExecutionSummary", description: "An execution without its texts." })
export type ExecutionSummary = typeof ExecutionSummary.Type

export const ResponseText = Schema.NullOr(Schema.String).annotate({
  description: `The model's answer, at most ${bytes(MAX_RESPONSE_BYTES)} of it; null until there is one, or when it was dropped for its age.`
})

export const Execution = ExecutionSummary.mapFields((fields) => ({
  ...fields,
  response_text: ResponseText
})).annotate({ identifier: "Execution", description: "An execution with its response." })
export type Execution = typeof Execution.Type

const Stored = Schema.Struct({
  text: Schema.NullOr(Schema.String).annotate({
    description: "The text, perhaps cut; null when it was dropped for its age."
  }),
  bytes: Schema.Int.annotate({ description: "Length of the whole text, in bytes of UTF-8." }),
  sha256: Schema.String.annotate({
    description: "SHA-256 of the whole text's UTF-8 bytes, in lowercase hexadecimal."
  })
}).annotate({
  identifier: "StoredText",
  description: "A text as it is stored, with the length and the hash of the whole, which outlast it."
})

export const ExecutionRecord = Execution.mapFields((fields) => ({
  ...fields,
  rendered_prompt: Stored,
  response: Schema.NullOr(Stored).annotate({ description: "The model's answer; null when there is none." })
})).annotate({
  identifier: "ExecutionRecord",
  description: "An execution with everything that the ledger holds of it."
})
export type ExecutionRecord = typeof ExecutionRecord.Type

/** One call to a provider. Its row is written before the call, so that a call can't go unrecorded. */
export const Attempt = Schema.Struct({
  attempt_number: Schema.Int.annotate({
    description: "The attempt's number in its execution, counted from 1."
  }),
  started_at: dateOf("When the attempt was written down, just before the call."),
  completed_at: dateOrNull("When the attempt ended; null while the call is under way."),
  outcome: Schema.NullOr(AttemptOutcome).annotate({
    description: "What came of the call; null while it is under way, `unknown` when its worker was lost."
  }),
  error_type: Schema.NullOr(Schema.String).annotate({
    description: "Why the attempt failed, such as `provider_timeout` or `worker_lost`; null when it did not."
  }),
  error_message: ExecutionSummary.fields.error_message,
  http_status: Schema.NullOr(Schema.Int).annotate({
    description: "The HTTP status of the provider's refusal; null when there is none."
  }),
  ...call
}).annotate({ identifier: "Attempt", description: "One call to a provider." })
export type Attempt = typeof Attempt.Type

/** No execution of that id, in this project. */
export class ExecutionNotFound extends Schema.TaggedError<ExecutionNotFound>()("ExecutionNotFound", {
  execution_id: Schema.String
}) {
  override get message(): string {
    return `There is no execution ${this.execution_id}.`
  }
}

/** The execution has ended, so that it can't be canceled any more. */
export class ExecutionEnded extends Schema.TaggedError<ExecutionEnded>()("ExecutionEnded", {
  execution_id: ExecutionId,
  status: ExecutionStatus
}) {
  override get message(): string {
    return `Execution ${this.execution_id} has ended already, with the status ${this.status}.`
  }
}

/** A sync execution failed, and its row says so too. */
export class ExecutionFailed extends Schema.TaggedError<ExecutionFailed>()("ExecutionFailed", {
  execution_id: ExecutionId,
  /** As in the row: `provider_timeout`, `worker_lost` and the like. */
  error_type: Schema.String,
  error_message: Schema.String,
  retry_after: Schema.Option(Schema.Duration)
}) {
  override get message(): string {
    return this.error_message
  }
}
