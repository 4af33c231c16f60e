import { Schema } from "effect"
import { HttpApiError, HttpApiSchema } from "effect/http-api"
import { Scope } from "../../domain/Access.ts"
import { ExecutionStatus } from "../../domain/Execution.ts"
import { Prompt, PromptMode } from "../../domain/Prompt.ts"
import { writtenInteger } from "./fields.ts"

// RFC 9457 problems: every error that the API answers with.

const members = <const Code extends string>(code: Code) => ({
  code: Schema.tag(code).annotate({ description: "Tells the kind of problem, as `type` does." }),
  request_id: Schema.String.annotate({
    description: "Id of the request, as logs and the header `X-Request-Id` have it."
  }),
  detail: Schema.String.annotate({ description: "What is wrong, in words." })
})

/** The type of a problem by its code: `ModeMismatch` is `urn:promptledger:problem:mode-mismatch`. */
export const typeOf = (code: string): string =>
  `urn:promptledger:problem:${code.replace(/\B[A-Z]/g, "-$&").toLowerCase()}`

/** A problem: what all of them have, and fields of its own. */
const Problem =
  <Self>() =>
  <
    const Code extends string,
    const Status extends number,
    Fields extends HttpApiError.ProblemExtensionFields = {}
  >(
    code: Code,
    status: Status,
    title: string,
    fields?: Fields
  ) =>
    HttpApiError.Problem<Self>()(
      code,
      { type: typeOf(code), status, title },
      { ...members(code), ...(fields as Fields) }
    )

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

export class BadRequest extends Problem<BadRequest>()("BadRequest", 400, "The request is malformed", {
  errors: Schema.Array(RequestFault).annotate({ description: "The faults, at most 100 of them." })
}) {}

export class ModeMismatch extends Problem<ModeMismatch>()(
  "ModeMismatch",
  400,
  "The prompt is in the other mode",
  { ...promptName, mode: PromptMode }
) {}

export class UndefinedVariable extends Problem<UndefinedVariable>()(
  "UndefinedVariable",
  400,
  "Variables of the template are missing",
  {
    variables: Schema.Array(Schema.String).annotate({
      description: "The names of all variables that are missing."
    })
  }
) {}

export class TemplateSyntaxError extends Problem<TemplateSyntaxError>()(
  "TemplateSyntaxError",
  400,
  "The template cannot be parsed",
  position
) {}

export class TemplateForbidden extends Problem<TemplateForbidden>()(
  "TemplateForbidden",
  400,
  "The template uses what templates may not use",
  position
) {}

export class TemplateRenderError extends Problem<TemplateRenderError>()(
  "TemplateRenderError",
  400,
  "The template cannot be rendered with these variables",
  position
) {}

export class TemplateLimitExceeded extends Problem<TemplateLimitExceeded>()(
  "TemplateLimitExceeded",
  400,
  "Rendering the template takes too much",
  {
    limit: Schema.String.annotate({
      description: "What is limited: `steps`, characters of `text`, `depth` or milliseconds of `time`."
    }),
    maximum: Schema.Int.annotate({ description: "The limit." })
  }
) {}

export class RegistrationRefused extends Problem<RegistrationRefused>()(
  "RegistrationRefused",
  400,
  "Nothing was registered",
  {
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

export class InvalidApiKey extends Problem<InvalidApiKey>()("InvalidApiKey", 401, "No valid API key") {}

export class InsufficientScope extends Problem<InsufficientScope>()(
  "InsufficientScope",
  403,
  "The API key may not do this",
  { scope: Scope.annotate({ description: "The scope that the key lacks." }) }
) {}

export class TooManyRequests extends Problem<TooManyRequests>()(
  "TooManyRequests",
  429,
  "Too many requests",
  retryAfter
) {}

export class ProjectNotFound extends Problem<ProjectNotFound>()("ProjectNotFound", 404, "No such project", {
  project_id: Schema.String.annotate({ description: "The id that no project has." })
}) {}

export class ProjectExists extends Problem<ProjectExists>()(
  "ProjectExists",
  409,
  "A project of that name is there",
  {
    name: Schema.String.annotate({ description: "The name that a project has already." })
  }
) {}

export class KeyNotFound extends Problem<KeyNotFound>()("KeyNotFound", 404, "No such key", {
  key_id: Schema.String.annotate({ description: "The id that no key has." })
}) {}

export class PromptNotFound extends Problem<PromptNotFound>()(
  "PromptNotFound",
  404,
  "No such prompt",
  promptName
) {}

export class VersionNotFound extends Problem<VersionNotFound>()("VersionNotFound", 404, "No such version", {
  ...promptName,
  version_number: Schema.Int.annotate({ description: "The number that no version of the prompt has." })
}) {}

export class ExecutionNotFound extends Problem<ExecutionNotFound>()(
  "ExecutionNotFound",
  404,
  "No such execution",
  {
    execution_id: Schema.String.annotate({ description: "The id that no execution has." })
  }
) {}

export class NoActiveVersion extends Problem<NoActiveVersion>()(
  "NoActiveVersion",
  409,
  "The prompt has no active version",
  promptName
) {}

export class ExecutionEnded extends Problem<ExecutionEnded>()(
  "ExecutionEnded",
  409,
  "The execution has ended",
  {
    execution_id: Schema.String.annotate({ description: "Id of the execution." }),
    execution_status: ExecutionStatus.annotate({ description: "How the execution ended." })
  }
) {}

export class IdempotencyKeyReused extends Problem<IdempotencyKeyReused>()(
  "IdempotencyKeyReused",
  422,
  "The idempotency key stands for another request",
  {
    idempotency_key: Schema.String.annotate({ description: "The key that was given." }),
    execution_id: Schema.String.annotate({ description: "Id of the execution that the key stands for." })
  }
) {}

/** What the problems of a failed sync execution say of it. */
const failedExecution = {
  execution_id: Schema.String.annotate({ description: "Id of the execution that failed." }),
  error_type: Schema.String.annotate({ description: "Why it failed, as the execution says it." })
}

export class ProviderRateLimited extends Problem<ProviderRateLimited>()(
  "ProviderRateLimited",
  429,
  "The provider limits the rate of calls",
  { ...failedExecution, ...retryAfter }
) {}

export class ProviderFailed extends Problem<ProviderFailed>()(
  "ProviderFailed",
  502,
  "The provider gave no answer",
  { ...failedExecution }
) {}

export class ProviderTimeout extends Problem<ProviderTimeout>()(
  "ProviderTimeout",
  504,
  "The provider took too long",
  { ...failedExecution }
) {}

export class ExecutionInterrupted extends Problem<ExecutionInterrupted>()(
  "ExecutionInterrupted",
  503,
  "The service stopped while the provider was being called",
  { ...failedExecution, ...retryAfter }
) {}

export class NotFound extends Problem<NotFound>()("NotFound", 404, "There is nothing at this path") {}

export class MethodNotAllowed extends Problem<MethodNotAllowed>()(
  "MethodNotAllowed",
  405,
  "The path does not take this method",
  {
    allowed: Schema.Array(Schema.String).annotate({ description: "The methods that the path takes." })
  }
) {}

export class PayloadTooLarge extends Problem<PayloadTooLarge>()(
  "PayloadTooLarge",
  413,
  "The body is too large"
) {}

export class UnsupportedMediaType extends Problem<UnsupportedMediaType>()(
  "UnsupportedMediaType",
  415,
  "The body must be JSON"
) {}

export class InternalServerError extends Problem<InternalServerError>()(
  "InternalServerError",
  500,
  "Something went wrong here"
) {}

export class ServiceUnavailable extends Problem<ServiceUnavailable>()(
  "ServiceUnavailable",
  503,
  "The service cannot answer now",
  retryAfter
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
