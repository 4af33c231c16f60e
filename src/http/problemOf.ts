import { Duration, Effect, Option } from "effect"
import type {
  ExpiryPast,
  KeyNotFound,
  ProjectExists,
  ProjectNotFound,
  ScopeMissing
} from "../domain/Access.ts"
import type {
  NoActiveVersion,
  PromptNotFound,
  RegistrationFault,
  RegistrationRefused,
  VersionNotFound
} from "../domain/errors.ts"
import type { ExecutionEnded, ExecutionFailed, ExecutionNotFound } from "../domain/Execution.ts"
import type { IdempotencyKeyReused } from "../domain/idempotency.ts"
import type { ModedOperation, ModeMismatch } from "../domain/modes.ts"
import type { TemplateForbidden, TemplateSyntaxError } from "../domain/template/errors.ts"
import type { RenderError } from "../domain/template/Template.ts"
import { inWords } from "../domain/validation.ts"
import type { InvalidRequest } from "../domain/validation.ts"
import type { InvalidApiKey, TooManyInvalidKeys } from "../services/Authentication.ts"
import type { RateLimited } from "../services/RateLimit.ts"
import * as Problems from "./api/Problems.ts"
import { RequestId } from "./RequestId.ts"

/** Every error of the domain that can reach the API. */
export type DomainError =
  | InvalidRequest
  | PromptNotFound
  | VersionNotFound
  | NoActiveVersion
  | RegistrationRefused
  | RegistrationFault
  | ExecutionNotFound
  | ExecutionEnded
  | ExecutionFailed
  | IdempotencyKeyReused
  | RenderError
  | InvalidApiKey
  | TooManyInvalidKeys
  | RateLimited
  | ScopeMissing
  | ProjectNotFound
  | ProjectExists
  | ExpiryPast
  | KeyNotFound

/** The call that does for a prompt in this mode what was tried through the wrong door. */
const rightDoor = ({ prompt_name, mode, operation }: ModeMismatch): string => {
  const name = encodeURIComponent(prompt_name)
  const full: Record<ModedOperation, string> = {
    upsert: `PUT /v1/prompts/${name}`,
    register: `PUT /v1/prompts/${name}`,
    activate: `POST /v1/prompts/${name}/versions/{n}:activate`,
    execute: "POST /v1/executions:run",
    run: "POST /v1/executions:run",
    submit: "POST /v1/executions:submit",
    history: `GET /v1/prompts/${name}/history?mode=full`
  }
  const tracking: Record<ModedOperation, string> = {
    upsert: "POST /v1/prompts/register-code",
    register: "POST /v1/prompts/register-code",
    activate: "POST /v1/prompts/register-code",
    execute: `POST /v1/prompts/${name}/execute`,
    run: `POST /v1/prompts/${name}/execute`,
    submit: `POST /v1/prompts/${name}/execute`,
    history: `GET /v1/prompts/${name}/history?mode=tracking`
  }
  return (mode === "full" ? full : tracking)[operation]
}

/** What services refuse, the schemas of the API have refused before: a caller is told the same, wherever it is found. */
const inPayload = (errors: InvalidRequest["errors"]) =>
  errors.map(({ path, message }) => ({ path: ["payload", ...path], message }))

const EXPIRY_PAST = { path: ["payload", "expires_at"], message: "Expected a time in the future" }

/** What a caller of the API is told in other words than the error has, since it knows of calls, headers and payloads. */
const inOtherWords: {
  readonly [Tag in DomainError["_tag"]]?: (error: Extract<DomainError, { _tag: Tag }>) => string
} = {
  InvalidRequest: ({ errors }) => inWords(inPayload(errors)),
  ModeMismatch: (error) => `${error.message} Use ${rightDoor(error)} instead.`,
  InvalidApiKey: () => "The header X-API-Key must have a valid key.",
  ExpiryPast: () => inWords([EXPIRY_PAST])
}

const detailOf = (error: DomainError): string =>
  (inOtherWords[error._tag] as ((error: DomainError) => string) | undefined)?.(error) ?? error.message

/** At least 1: what is to be waited for is not over yet. */
const wholeSeconds = (duration: Duration.Duration) => Math.max(1, Math.ceil(Duration.toSeconds(duration)))

/** One table from the errors of the domain to the problems of the API. */
const problems = {
  InvalidRequest: ({ errors }: InvalidRequest, base: Base) =>
    new Problems.BadRequest({ ...base, errors: inPayload(errors) }),
  PromptNotFound: (error: PromptNotFound, base: Base) =>
    new Problems.PromptNotFound({ ...base, name: error.prompt_name }),
  VersionNotFound: ({ prompt_name: name, version_number }: VersionNotFound, base: Base) =>
    new Problems.VersionNotFound({ ...base, name, version_number }),
  NoActiveVersion: ({ prompt_name: name }: NoActiveVersion, base: Base) =>
    new Problems.NoActiveVersion({ ...base, name }),
  ModeMismatch: ({ prompt_name: name, mode }: ModeMismatch, base: Base) =>
    new Problems.ModeMismatch({ ...base, name, mode }),
  RegistrationRefused: ({ faults }: RegistrationRefused, base: Base) =>
    new Problems.RegistrationRefused({
      ...base,
      faults: faults.map(({ index, name, fault }) => ({
        index,
        name,
        code: fault._tag,
        detail: detailOf(fault)
      }))
    }),
  TemplateSyntaxError: ({ line, column }: TemplateSyntaxError, base: Base) =>
    new Problems.TemplateSyntaxError({ ...base, line, column }),
  TemplateForbidden: ({ line, column }: TemplateForbidden, base: Base) =>
    new Problems.TemplateForbidden({ ...base, line, column }),
  TemplateRenderError: (
    { line, column }: Extract<RenderError, { _tag: "TemplateRenderError" }>,
    base: Base
  ) => new Problems.TemplateRenderError({ ...base, line, column }),
  UndefinedVariable: ({ variables }: Extract<RenderError, { _tag: "UndefinedVariable" }>, base: Base) =>
    new Problems.UndefinedVariable({ ...base, variables }),
  TemplateLimitExceeded: (
    { limit, maximum }: Extract<RenderError, { _tag: "TemplateLimitExceeded" }>,
    base: Base
  ) => new Problems.TemplateLimitExceeded({ ...base, limit, maximum }),
  ExecutionNotFound: ({ execution_id }: ExecutionNotFound, base: Base) =>
    new Problems.ExecutionNotFound({ ...base, execution_id }),
  ExecutionEnded: ({ execution_id, status }: ExecutionEnded, base: Base) =>
    new Problems.ExecutionEnded({ ...base, execution_id, execution_status: status }),
  ExecutionFailed: ({ execution_id, error_type, retry_after: after }: ExecutionFailed, base: Base) => {
    const failed = { ...base, execution_id, error_type }
    const retry_after = Option.match(after, {
      onNone: () => 1,
      onSome: wholeSeconds
    })
    switch (error_type) {
      case "provider_timeout":
        return new Problems.ProviderTimeout(failed)
      case "provider_rate_limited":
        return new Problems.ProviderRateLimited({ ...failed, retry_after })
      case "worker_lost":
        return new Problems.ExecutionInterrupted({ ...failed, retry_after })
      default:
        return new Problems.ProviderFailed(failed)
    }
  },
  IdempotencyKeyReused: ({ idempotency_key, execution_id }: IdempotencyKeyReused, base: Base) =>
    new Problems.IdempotencyKeyReused({ ...base, idempotency_key, execution_id }),
  InvalidApiKey: (_: InvalidApiKey, base: Base) => new Problems.InvalidApiKey(base),
  TooManyInvalidKeys: ({ retry_after }: TooManyInvalidKeys, base: Base) =>
    new Problems.TooManyRequests({ ...base, retry_after: wholeSeconds(retry_after) }),
  RateLimited: ({ retry_after }: RateLimited, base: Base) =>
    new Problems.TooManyRequests({ ...base, retry_after: wholeSeconds(retry_after) }),
  ScopeMissing: ({ scope }: ScopeMissing, base: Base) => new Problems.InsufficientScope({ ...base, scope }),
  ProjectNotFound: ({ project_id }: ProjectNotFound, base: Base) =>
    new Problems.ProjectNotFound({ ...base, project_id }),
  ProjectExists: ({ project_name: name }: ProjectExists, base: Base) =>
    new Problems.ProjectExists({ ...base, name }),
  ExpiryPast: (_: ExpiryPast, base: Base) => new Problems.BadRequest({ ...base, errors: [EXPIRY_PAST] }),
  KeyNotFound: ({ key_id }: KeyNotFound, base: Base) => new Problems.KeyNotFound({ ...base, key_id })
}

interface Base {
  readonly request_id: string
  readonly detail: string
}

type Mapped = { readonly [Tag in keyof typeof problems]: ReturnType<(typeof problems)[Tag]> }
type ProblemOf<E extends { readonly _tag: string }> = E["_tag"] extends keyof Mapped
  ? Mapped[E["_tag"]]
  : never

/** Answers an error of the domain with its problem. */
export const asProblem = <A, E extends DomainError & { readonly _tag: keyof Mapped }, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, ProblemOf<E>, R> =>
  Effect.catch(self, (error) =>
    Effect.flatMap(RequestId, (request_id) => {
      const toProblem = problems[error._tag] as unknown as (error: E, base: Base) => ProblemOf<E>
      return Effect.fail(toProblem(error, { request_id, detail: detailOf(error) }))
    })
  )
