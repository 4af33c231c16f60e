import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { StorableDate } from "../../domain/dates.ts"
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
  ResponseText,
  Telemetry
} from "../../domain/Execution.ts"
import { IdempotencyKey } from "../../domain/idempotency.ts"
import { ExecutionId } from "../../domain/Ids.ts"
import { Model, ModelName, ModelParams, ModelRef } from "../../domain/Model.ts"
import { Prompt, PromptName, VersionNumber, VersionWithContent } from "../../domain/Prompt.ts"
import { versionOfPrompt } from "../../domain/requests.ts"
import { Variables } from "../../domain/Variables.ts"
import { Authorization } from "./Authorization.ts"
import { cursorOf, nextCursor } from "./Cursor.ts"
import { inOrder, Limit, optional, span, writtenInteger, writtenNumber } from "./fields.ts"
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
import { RequestCheck } from "./RequestCheck.ts"
import { about, RequiredScope } from "./RequiredScope.ts"

/** Seconds that a poll may wait for an execution to end. */
export const MAX_WAIT = 30

const common = {
  variables: Variables,
  params: Schema.optionalKey(ModelParams),
  environment: optional(Environment, DEFAULT_ENVIRONMENT),
  correlation_id: Schema.optionalKey(CorrelationId),
  idempotency_key: Schema.optionalKey(
    IdempotencyKey.annotate({
      description: "The same as the header `Idempotency-Key`, for callers that cannot set it."
    })
  )
}

export const RunPrompt = Schema.Struct({
  prompt_name: PromptName,
  version_number: Schema.optionalKey(
    VersionNumber.annotate({ description: "The version to run; without it, the active one." })
  ),
  model: ModelRef,
  ...common
}).annotate({ identifier: "RunPrompt", description: "Which prompt of mode `full` to run, and with what." })

export const ExecutePrompt = Schema.Struct({
  version: Schema.optionalKey(
    VersionNumber.annotate({ description: "The version to run; without it, the current one." })
  ),
  model_name: Schema.optionalKey(
    ModelName.annotate({
      description: "A model of OpenAI's, in place of `model`; without either, the default model."
    })
  ),
  model: Schema.optionalKey(ModelRef),
  mode: optional(ExecutionMode, "sync"),
  ...common
})
  .annotate({ description: "How to run a prompt of mode `tracking`, and with what." })
  .check(
    Schema.makeFilter(({ model, model_name }) =>
      model === undefined || model_name === undefined
        ? undefined
        : { path: ["model_name"], issue: "Expected either model or model_name" }
    )
  )
  .annotate({ identifier: "ExecutePrompt" })

const idempotencyHeader = {
  "idempotency-key": Schema.optionalKey(
    IdempotencyKey.annotate({
      description:
        "Stands for the request, in its prompt: the same request sent with it again is answered with the same execution, and nothing is called."
    })
  )
}
const replayedHeader = {
  "idempotent-replayed": Schema.optionalKey(
    Schema.Literal("true").annotate({
      description: "The execution was there: the idempotency key stood for it."
    })
  )
}
const acceptedHeaders = {
  location: Schema.String.annotate({ description: "Path of the execution." }),
  ...replayedHeader
}

const syncMode = { mode: Schema.Literal("sync").annotate({ description: "The answer was waited for." }) }
const asyncMode = { mode: Schema.Literal("async").annotate({ description: "A worker makes the call." }) }

const Ran = HttpApiSchema.WithHeaders(Execution, replayedHeader)

export const Accepted = Schema.Struct({
  execution_id: ExecutionId,
  status: ExecutionStatus,
  ...asyncMode
}).annotate({ identifier: "Accepted", description: "An execution that a worker is to run." })
const Submitted = HttpApiSchema.WithHeaders(Accepted.pipe(HttpApiSchema.status("Accepted")), acceptedHeaders)

const executed = {
  execution_id: ExecutionId,
  prompt_name: Prompt.fields.name,
  prompt_mode: Schema.Literal("tracking").annotate({
    description: "The prompt lives in an application's code."
  }),
  version_used: Schema.Int.annotate({ description: "Number of the version that was run." }),
  status: ExecutionStatus
}
const ExecutedSync = HttpApiSchema.WithHeaders(
  Schema.Struct({
    ...executed,
    ...syncMode,
    response_text: ResponseText,
    telemetry: Telemetry,
    truncated: ExecutionSummary.fields.truncated,
    error_type: ExecutionSummary.fields.error_type,
    error_message: ExecutionSummary.fields.error_message,
    bodies_dropped_at: ExecutionSummary.fields.bodies_dropped_at
  }),
  replayedHeader
)
const ExecutedAsync = HttpApiSchema.WithHeaders(
  Schema.Struct({ ...executed, ...asyncMode }).pipe(HttpApiSchema.status("Accepted")),
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
  attempts: Schema.Array(Attempt).annotate({ description: "The calls to the provider, in their order." }),
  version: VersionWithContent,
  prompt: Prompt,
  model: Model,
  variables: Schema.NullOr(Variables).annotate({
    description:
      "The values that the template was rendered with, by name; null when they were dropped for their age."
  })
}).annotate({ identifier: "Lineage", description: "All that tells how an answer came about." })

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
        wait: Schema.optionalKey(
          writtenNumber(
            Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: MAX_WAIT })).annotate({
              default: 0,
              description: "Seconds to wait for the execution to end."
            })
          )
        )
      },
      success: Execution,
      error: ExecutionNotFound
    }).annotateMerge(about("An execution; waits for its end when told to", "executions:read")),
    HttpApiEndpoint.get("list", "/v1/executions", {
      query: Schema.Struct({
        prompt_name: Schema.optionalKey(PromptName),
        version_number: Schema.optionalKey(
          writtenInteger(
            VersionNumber.annotate({
              description: "The version's number in its prompt, beside `prompt_name`."
            })
          )
        ),
        status: Schema.optionalKey(ExecutionStatus),
        environment: Schema.optionalKey(Environment),
        correlation_id: Schema.optionalKey(CorrelationId),
        ...span,
        limit: Limit,
        cursor: Schema.optionalKey(ExecutionCursor)
      }).check(versionOfPrompt, inOrder),
      success: Schema.Struct({
        executions: Schema.Array(ExecutionSummary).annotate({
          description: "The page's executions, newest first."
        }),
        next_cursor: nextCursor(ExecutionCursor)
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
  .middleware(Authorization)
  .annotate(OpenApi.Description, "Runs of prompts, now or by a worker, and all that is kept of them.") {}
