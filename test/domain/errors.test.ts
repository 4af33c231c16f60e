import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Option } from "effect"
import {
  ExpiryPast,
  KeyNotFound,
  ProjectExists,
  ProjectNotFound,
  ScopeMissing
} from "../../src/domain/Access.ts"
import {
  DuplicatePrompt,
  NoActiveVersion,
  PromptNotFound,
  RegistrationRefused,
  VersionNotFound
} from "../../src/domain/errors.ts"
import { ExecutionEnded, ExecutionFailed, ExecutionNotFound } from "../../src/domain/Execution.ts"
import { IdempotencyKeyReused } from "../../src/domain/idempotency.ts"
import { ExecutionId, KeyId, ProjectId } from "../../src/domain/Ids.ts"
import { ModeMismatch } from "../../src/domain/modes.ts"
import {
  TemplateForbidden,
  TemplateLimitExceeded,
  TemplateRenderError,
  TemplateSyntaxError,
  UndefinedVariable
} from "../../src/domain/template/errors.ts"
import { InvalidRequest } from "../../src/domain/validation.ts"
import { TemplateHashMismatch } from "../../src/domain/versioning.ts"
import { InvalidApiKey, TooManyInvalidKeys } from "../../src/services/Authentication.ts"
import { RateLimited } from "../../src/services/RateLimit.ts"

const prompt_name = "greeting"
const id = "00000000-0000-7000-8000-000000000001"
const execution_id = ExecutionId.make(id)
const place = { line: 2, column: 5, reason: "a reason" }
const hash = "a".repeat(64)
const duplicate = { index: 1, name: prompt_name, fault: new DuplicatePrompt({ prompt_name }) }

const errors = [
  new PromptNotFound({ prompt_name }),
  new VersionNotFound({ prompt_name, version_number: 3 }),
  new NoActiveVersion({ prompt_name }),
  new ModeMismatch({ prompt_name, mode: "full", operation: "execute" }),
  new TemplateHashMismatch({ prompt_name, expected: hash, actual: "b".repeat(64) }),
  duplicate.fault,
  new RegistrationRefused({ faults: [duplicate, duplicate] }),
  new TemplateSyntaxError(place),
  new TemplateForbidden(place),
  new TemplateRenderError(place),
  new UndefinedVariable({ variables: ["name", "city"] }),
  new TemplateLimitExceeded({ limit: "steps", maximum: 10 }),
  new InvalidRequest({ errors: [{ path: ["params", "seed"], message: "Expected an integer" }] }),
  new ExecutionNotFound({ execution_id }),
  new ExecutionEnded({ execution_id, status: "succeeded" }),
  new ExecutionFailed({
    execution_id,
    error_type: "provider_timeout",
    error_message: "no whole answer within the time limit",
    retry_after: Option.none()
  }),
  new IdempotencyKeyReused({ idempotency_key: "order-1", execution_id }),
  new InvalidApiKey(),
  new TooManyInvalidKeys({ retry_after: Duration.seconds(1) }),
  new RateLimited({ limit: 10, retry_after: Duration.seconds(1) }),
  new ScopeMissing({ scope: "admin" }),
  new ProjectNotFound({ project_id: ProjectId.make(id) }),
  new ProjectExists({ project_name: "team" }),
  new ExpiryPast({ expires_at: new Date(0) }),
  new KeyNotFound({ key_id: KeyId.make(id) })
]

describe("an error", () => {
  it("is called by its tag, and says in words what is wrong", () => {
    for (const error of errors) {
      assert.match(error.message, /^\S.{10,}/, error._tag)
      assert.strictEqual(String(error), `${error._tag}: ${error.message}`)
      assert.include(Cause.pretty(Cause.fail(error)), `${error._tag}: ${error.message}`)
    }
  })
})
