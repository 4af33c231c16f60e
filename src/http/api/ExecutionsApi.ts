import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { DateOrNull, StorableDate } from "../../domain/dates.ts"
import {
  Attempt,
  CorrelationId,
  DEFAULT_ENVIRONMENT,
  Environment,
  Execution,
  ExecutionMode,
  ExecutionRecord,
  ExecutionStatus,
  ExecutionSummary,
  Telemetry
} from "../../domain/Execution.ts"
import { IdempotencyKey } from "../../domain/idempotency.ts"
import { ExecutionId } from "../../domain/Ids.ts"
import { Model, ModelParams, ModelRef } from "../../domain/Model.ts"
import { Prompt, PromptName, VersionNumber, VersionWithContent } from "../../domain/Prompt.ts"
import { textOf } from "../../domain/Text.ts"
import { Variables } from "../../domain/Variables.ts"
import { Authorization } from "./Authorization.ts"
import { RequestCheck } from "./RequestCheck.ts"
import { cursorOf } from "./Cursor.ts"
import { inOrder, Limit, optional, Timestamp } from "./fields.ts"
import {
  BadRequest,
  ExecutionEnded,
  ExecutionInterrupted,
  ExecutionNotFound,
  IdempotencyKeyReused,
  ModeMismatch,
  NoActiveVersion,
  PromptNotFound,
  ProviderFailed,
  ProviderRateLimited,
  ProviderTimeout,
  TemplateForbidden,
  TemplateLimitExceeded,
  TemplateRenderError,
  TemplateSyntaxError,
  UndefinedVariable,
  VersionNotFound,
  withRetryAfter
} from "./Problems.ts"
import { about, RequiredScope } from "./RequiredScope.ts"

/** Seconds that a poll may wait for an execution to end. */
export const MAX_WAIT = 30

const common = {
  variables: Variables,
  params: Schema.optionalKey(ModelParams),
  environment: optional(Environment, DEFAULT_ENVIRONMENT),
  correlation_id: Schema.optionalKey(CorrelationId),
  /** The header `Idempotency-Key` says the same. */
  idempotency_key: Schema.optionalKey(IdempotencyKey)
}

export const RunPrompt = Schema.Struct({
  prompt_name: PromptName,
  /** The active version where none is given. */
  version_number: Schema.optionalKey(VersionNumber),
  model: ModelRef,
  ...common
}).annotate({ identifier: "RunPrompt" })

export const ExecutePrompt = Schema.Struct({
  /** The current version where none is given. */
  version: Schema.optionalKey(VersionNumber),
  /** A model of OpenAI's; the default model where neither this nor `model` is given. */
  model_name: Schema.optionalKey(textOf(255)),
  model: Schema.optionalKey(ModelRef),
  mode: optional(ExecutionMode, "sync"),
  ...common
})
  .check(
    Schema.makeFilter(({ model, model_name }) =>
      model === undefined || model_name === undefined
        ? undefined
        : { path: ["model_name"], issue: "Expected either model or model_name" }
    )
  )
  .annotate({ identifier: "ExecutePrompt" })

const idempotencyHeader = { "idempotency-key": Schema.optionalKey(IdempotencyKey) }
const replayedHeader = {
  /** The execution was there: the idempotency key stood for it. */
  "idempotent-replayed": Schema.optionalKey(Schema.Literal("true"))
}
const acceptedHeaders = { location: Schema.String, ...replayedHeader }

const Ran = HttpApiSchema.WithHeaders(Execution, replayedHeader)

export const Accepted = Schema.Struct({
  execution_id: ExecutionId,
  status: ExecutionStatus,
  mode: Schema.Literal("async")
}).annotate({ identifier: "Accepted" })
const Submitted = HttpApiSchema.WithHeaders(Accepted.pipe(HttpApiSchema.status("Accepted")), acceptedHeaders)

const executed = {
  execution_id: ExecutionId,
  prompt_name: Schema.String,
  prompt_mode: Schema.Literal("tracking"),
  version_used: Schema.Int,
  status: ExecutionStatus
}
const ExecutedSync = HttpApiSchema.WithHeaders(
  Schema.Struct({
    ...executed,
    mode: Schema.Literal("sync"),
    response_text: Schema.NullOr(Schema.String),
    telemetry: Telemetry,
    truncated: Schema.Boolean,
    error_type: Schema.NullOr(Schema.String),
    error_message: Schema.NullOr(Schema.String),
    /** When the execution that a key stood for had lost its texts already. */
    bodies_dropped_at: DateOrNull
  }),
  replayedHeader
)
const ExecutedAsync = HttpApiSchema.WithHeaders(
  Schema.Struct({ ...executed, mode: Schema.Literal("async") }).pipe(HttpApiSchema.status("Accepted")),
  acceptedHeaders
)

const requestErrors = [
  BadRequest,
  PromptNotFound,
  VersionNotFound,
  NoActiveVersion,
  ModeMismatch,
  TemplateSyntaxError,
  TemplateForbidden,
  UndefinedVariable,
  TemplateRenderError,
  TemplateLimitExceeded,
  IdempotencyKeyReused
] as const

const failureErrors = [
  withRetryAfter(ProviderRateLimited),
  ProviderFailed,
  ProviderTimeout,
  withRetryAfter(ExecutionInterrupted)
] as const

export const Lineage = Schema.Struct({
  execution: ExecutionRecord,
  attempts: Schema.Array(Attempt),
  version: VersionWithContent,
  prompt: Prompt,
  model: Model,
  /** Null when the execution's bodies were dropped. */
  variables: Schema.NullOr(Variables)
}).annotate({ identifier: "Lineage" })

const ExecutionCursor = cursorOf(Schema.Struct({ created_at: StorableDate, execution_id: ExecutionId }))

const run = {
  // An empty list of path parameters makes the colon a plain one.
  params: {},
  headers: idempotencyHeader,
  payload: RunPrompt,
  success: Ran,
  error: [...requestErrors, ...failureErrors]
} as const
const submit = {
  params: {},
  headers: idempotencyHeader,
  payload: RunPrompt,
  success: Submitted,
  error: [...requestErrors]
} as const
const byId = { params: { execution_id: ExecutionId } }

export class ExecutionsApi extends HttpApiGroup.make("executions")
  .add(
    HttpApiEndpoint.post("run", "/v1/executions:run", run).annotateMerge(
      about("Runs a prompt of full mode and waits for the answer", "executions:write")
    ),
    HttpApiEndpoint.post("submit", "/v1/executions:submit", submit).annotateMerge(
      about("Accepts a prompt of full mode to be run by a worker", "executions:write")
    ),
    HttpApiEndpoint.post("runAlias", "/v1/executions/run", run)
      .annotate(OpenApi.Exclude, true)
      .annotate(RequiredScope, "executions:write"),
    HttpApiEndpoint.post("submitAlias", "/v1/executions/submit", submit)
      .annotate(OpenApi.Exclude, true)
      .annotate(RequiredScope, "executions:write"),
    HttpApiEndpoint.post("execute", "/v1/prompts/:name/execute", {
      params: { name: PromptName },
      headers: idempotencyHeader,
      payload: ExecutePrompt,
      success: [ExecutedSync, ExecutedAsync],
      error: [...requestErrors, ...failureErrors]
    }).annotateMerge(about("Runs a prompt of tracking mode, now or by a worker", "executions:write")),
    HttpApiEndpoint.get("get", "/v1/executions/:execution_id", {
      ...byId,
      query: {
        /** Seconds to wait for the execution to end. */
        wait: optional(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: MAX_WAIT })), 0)
      },
      success: Execution,
      error: ExecutionNotFound
    }).annotateMerge(about("An execution; waits for its end when told to", "executions:read")),
    HttpApiEndpoint.get("list", "/v1/executions", {
      query: Schema.Struct({
        prompt_name: Schema.optionalKey(PromptName),
        version_number: Schema.optionalKey(VersionNumber),
        status: Schema.optionalKey(ExecutionStatus),
        environment: Schema.optionalKey(Environment),
        correlation_id: Schema.optionalKey(CorrelationId),
        from: Schema.optionalKey(Timestamp),
        to: Schema.optionalKey(Timestamp),
        limit: Limit,
        cursor: Schema.optionalKey(ExecutionCursor)
      }).check(
        Schema.makeFilter(({ prompt_name, version_number }) =>
          version_number === undefined || prompt_name !== undefined
            ? undefined
            : { path: ["version_number"], issue: "Expected prompt_name beside it" }
        ),
        inOrder
      ),
      success: Schema.Struct({
        executions: Schema.Array(ExecutionSummary),
        next_cursor: Schema.NullOr(ExecutionCursor)
      })
    }).annotateMerge(about("Executions, newest first", "executions:read")),
    HttpApiEndpoint.get("lineage", "/v1/executions/:execution_id/lineage", {
      ...byId,
      success: Lineage,
      error: ExecutionNotFound
    }).annotateMerge(
      about("Execution, attempts, version, prompt, model and variables in one answer", "executions:read")
    ),
    HttpApiEndpoint.post("cancel", "/v1/executions/:execution_id:cancel", {
      ...byId,
      success: Execution,
      error: [ExecutionNotFound, ExecutionEnded]
    }).annotateMerge(about("Cancels an execution that has not ended", "executions:write"))
  )
  .middleware(RequestCheck)
  .middleware(Authorization) {}
