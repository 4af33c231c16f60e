import { Schema } from "effect"
import { HttpApiError, HttpApiSchema } from "effect/http-api"
import { Scope } from "../../domain/Access.ts"
import { ExecutionStatus } from "../../domain/Execution.ts"
import { Prompt, PromptMode } from "../../domain/Prompt.ts"
import { writtenInteger } from "./fields.ts"

// RFC 9457 problems: every error that the API answers with.

const about = <const Name extends string, const Status extends number>(
  name: Name,
  status: Status,
  title: string
) => ({
  type: `urn:promptledger:problem:${name}` as const,
  status,
  title
})

const members = <const Code extends string>(code: Code) => ({
  code: Schema.tag(code).annotate({ description: "Tells the kind of problem, as `type` does." }),
  request_id: Schema.String.annotate({
    description: "Id of the request, as logs and the header `X-Request-Id` have it."
  }),
  detail: Schema.String.annotate({ description: "What is wrong, in words." })
})

const position = {
  line: Schema.Int.annotate({ description: "The line of the template, counted from 1." }),
  column: Schema.Int.annotate({ description: "The column of the line, counted from 1." })
}

const RetryAfter = Schema.Int.check(Schema.isGreaterThanOrEqualTo(1)).annotate({
  description: "Seconds after which it is worth trying again."
})
const retryAfter = { retry_after: RetryAfter }

const promptName = { name: Prompt.fields.name }

export const RequestFault = Schema.Struct({
  path: Schema.Array(Schema.Union([Schema.String, Schema.Int])).annotate({
    description:
      "Where it is: `params`, `query`, `headers` or `payload`, then keys of objects and indexes of lists."
  }),
  message: Schema.String.annotate({ description: "What was expected there." })
}).annotate({ identifier: "RequestFault", description: "One fault of a malformed request." })

export class BadRequest extends HttpApiError.Problem<BadRequest>()(
  "BadRequest",
  about("bad-request", 400, "The request is malformed"),
  {
    ...members("BadRequest"),
    errors: Schema.Array(RequestFault).annotate({ description: "The faults, at most 100 of them." })
  }
) {}

export class ModeMismatch extends HttpApiError.Problem<ModeMismatch>()(
  "ModeMismatch",
  about("mode-mismatch", 400, "The prompt is in the other mode"),
  { ...members("ModeMismatch"), ...promptName, mode: PromptMode }
) {}

export class UndefinedVariable extends HttpApiError.Problem<UndefinedVariable>()(
  "UndefinedVariable",
  about("undefined-variable", 400, "Variables of the template are missing"),
  {
    ...members("UndefinedVariable"),
    variables: Schema.Array(Schema.String).annotate({
      description: "The names of all variables that are missing."
    })
  }
) {}

export class TemplateSyntaxError extends HttpApiError.Problem<TemplateSyntaxError>()(
  "TemplateSyntaxError",
  about("template-syntax-error", 400, "The template cannot be parsed"),
  { ...members("TemplateSyntaxError"), ...position }
) {}

export class TemplateForbidden extends HttpApiError.Problem<TemplateForbidden>()(
  "TemplateForbidden",
  about("template-forbidden", 400, "The template uses what templates may not use"),
  { ...members("TemplateForbidden"), ...position }
) {}

export class TemplateRenderError extends HttpApiError.Problem<TemplateRenderError>()(
  "TemplateRenderError",
  about("template-render-error", 400, "The template cannot be rendered with these variables"),
  { ...members("TemplateRenderError"), ...position }
) {}

export class TemplateLimitExceeded extends HttpApiError.Problem<TemplateLimitExceeded>()(
  "TemplateLimitExceeded",
  about("template-limit-exceeded", 400, "Rendering the template takes too much"),
  {
    ...members("TemplateLimitExceeded"),
    limit: Schema.String.annotate({
      description: "What is limited: `steps`, characters of `text`, `depth` or milliseconds of `time`."
    }),
    maximum: Schema.Int.annotate({ description: "The limit." })
  }
) {}

export class RegistrationRefused extends HttpApiError.Problem<RegistrationRefused>()(
  "RegistrationRefused",
  about("registration-refused", 400, "Nothing was registered"),
  {
    ...members("RegistrationRefused"),
    faults: Schema.Array(
      Schema.Struct({
        index: Schema.Int.annotate({ description: "The prompt's place in the request, counted from 0." }),
        ...promptName,
        code: Schema.String.annotate({ description: "Tells the kind of fault, as the `code` of a problem." }),
        detail: Schema.String.annotate({ description: "What is wrong, in words." })
      })
    ).annotate({ description: "Every fault of the request." })
  }
) {}

export class InvalidApiKey extends HttpApiError.Problem<InvalidApiKey>()(
  "InvalidApiKey",
  about("invalid-api-key", 401, "No valid API key"),
  members("InvalidApiKey")
) {}

export class InsufficientScope extends HttpApiError.Problem<InsufficientScope>()(
  "InsufficientScope",
  about("insufficient-scope", 403, "The API key may not do this"),
  { ...members("InsufficientScope"), scope: Scope.annotate({ description: "The scope that the key lacks." }) }
) {}

export class TooManyRequests extends HttpApiError.Problem<TooManyRequests>()(
  "TooManyRequests",
  about("too-many-requests", 429, "Too many requests"),
  { ...members("TooManyRequests"), ...retryAfter }
) {}

export class ProjectNotFound extends HttpApiError.Problem<ProjectNotFound>()(
  "ProjectNotFound",
  about("project-not-found", 404, "No such project"),
  {
    ...members("ProjectNotFound"),
    project_id: Schema.String.annotate({ description: "The id that no project has." })
  }
) {}

export class ProjectExists extends HttpApiError.Problem<ProjectExists>()(
  "ProjectExists",
  about("project-exists", 409, "A project of that name is there"),
  {
    ...members("ProjectExists"),
    name: Schema.String.annotate({ description: "The name that a project has already." })
  }
) {}

export class KeyNotFound extends HttpApiError.Problem<KeyNotFound>()(
  "KeyNotFound",
  about("key-not-found", 404, "No such key"),
  { ...members("KeyNotFound"), key_id: Schema.String.annotate({ description: "The id that no key has." }) }
) {}

export class PromptNotFound extends HttpApiError.Problem<PromptNotFound>()(
  "PromptNotFound",
  about("prompt-not-found", 404, "No such prompt"),
  { ...members("PromptNotFound"), ...promptName }
) {}

export class VersionNotFound extends HttpApiError.Problem<VersionNotFound>()(
  "VersionNotFound",
  about("version-not-found", 404, "No such version"),
  {
    ...members("VersionNotFound"),
    ...promptName,
    version_number: Schema.Int.annotate({ description: "The number that no version of the prompt has." })
  }
) {}

export class ExecutionNotFound extends HttpApiError.Problem<ExecutionNotFound>()(
  "ExecutionNotFound",
  about("execution-not-found", 404, "No such execution"),
  {
    ...members("ExecutionNotFound"),
    execution_id: Schema.String.annotate({ description: "The id that no execution has." })
  }
) {}

export class NoActiveVersion extends HttpApiError.Problem<NoActiveVersion>()(
  "NoActiveVersion",
  about("no-active-version", 409, "The prompt has no active version"),
  { ...members("NoActiveVersion"), ...promptName }
) {}

export class ExecutionEnded extends HttpApiError.Problem<ExecutionEnded>()(
  "ExecutionEnded",
  about("execution-ended", 409, "The execution has ended"),
  {
    ...members("ExecutionEnded"),
    execution_id: Schema.String.annotate({ description: "Id of the execution." }),
    execution_status: ExecutionStatus.annotate({ description: "How the execution ended." })
  }
) {}

export class IdempotencyKeyReused extends HttpApiError.Problem<IdempotencyKeyReused>()(
  "IdempotencyKeyReused",
  about("idempotency-key-reused", 422, "The idempotency key stands for another request"),
  {
    ...members("IdempotencyKeyReused"),
    idempotency_key: Schema.String.annotate({ description: "The key that was given." }),
    execution_id: Schema.String.annotate({ description: "Id of the execution that the key stands for." })
  }
) {}

/** What the problems of a failed sync execution say of it. */
const failedExecution = {
  execution_id: Schema.String.annotate({ description: "Id of the execution that failed." }),
  error_type: Schema.String.annotate({ description: "Why it failed, as the execution says it." })
}

export class ProviderRateLimited extends HttpApiError.Problem<ProviderRateLimited>()(
  "ProviderRateLimited",
  about("provider-rate-limited", 429, "The provider limits the rate of calls"),
  { ...members("ProviderRateLimited"), ...failedExecution, ...retryAfter }
) {}

export class ProviderFailed extends HttpApiError.Problem<ProviderFailed>()(
  "ProviderFailed",
  about("provider-failed", 502, "The provider gave no answer"),
  { ...members("ProviderFailed"), ...failedExecution }
) {}

export class ProviderTimeout extends HttpApiError.Problem<ProviderTimeout>()(
  "ProviderTimeout",
  about("provider-timeout", 504, "The provider took too long"),
  { ...members("ProviderTimeout"), ...failedExecution }
) {}

export class ExecutionInterrupted extends HttpApiError.Problem<ExecutionInterrupted>()(
  "ExecutionInterrupted",
  about("execution-interrupted", 503, "The service stopped while the provider was being called"),
  { ...members("ExecutionInterrupted"), ...failedExecution, ...retryAfter }
) {}

export class NotFound extends HttpApiError.Problem<NotFound>()(
  "NotFound",
  about("not-found", 404, "There is nothing at this path"),
  members("NotFound")
) {}

export class MethodNotAllowed extends HttpApiError.Problem<MethodNotAllowed>()(
  "MethodNotAllowed",
  about("method-not-allowed", 405, "The path does not take this method"),
  {
    ...members("MethodNotAllowed"),
    allowed: Schema.Array(Schema.String).annotate({ description: "The methods that the path takes." })
  }
) {}

export class PayloadTooLarge extends HttpApiError.Problem<PayloadTooLarge>()(
  "PayloadTooLarge",
  about("payload-too-large", 413, "The body is too large"),
  members("PayloadTooLarge")
) {}

export class UnsupportedMediaType extends HttpApiError.Problem<UnsupportedMediaType>()(
  "UnsupportedMediaType",
  about("unsupported-media-type", 415, "The body must be JSON"),
  members("UnsupportedMediaType")
) {}

export class InternalServerError extends HttpApiError.Problem<InternalServerError>()(
  "InternalServerError",
  about("internal-server-error", 500, "Something went wrong here"),
  members("InternalServerError")
) {}

export class ServiceUnavailable extends HttpApiError.Problem<ServiceUnavailable>()(
  "ServiceUnavailable",
  about("service-unavailable", 503, "The service cannot answer now"),
  { ...members("ServiceUnavailable"), ...retryAfter }
) {}

/** The problem with the header `Retry-After` beside it. */
export const withRetryAfter = <S extends Schema.Top & { readonly Type: { readonly retry_after: number } }>(
  problem: S
) => {
  type Answer = { readonly body: S["Type"]; readonly headers: { readonly "retry-after": number } }
  return problem.pipe(
    HttpApiSchema.encodeToWithHeaders(
      { body: problem, headers: { "retry-after": writtenInteger(RetryAfter) } },
      {
        decode: (answer) => (answer as Answer).body,
        encode: (body): Answer => ({ body, headers: { "retry-after": body.retry_after } })
      }
    )
  )
}
