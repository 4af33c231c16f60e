import { Schema } from "effect"
import { TemplateForbidden, TemplateSyntaxError } from "./template/errors.ts"
import { ModeMismatch } from "./modes.ts"
import { TemplateHashMismatch } from "./versioning.ts"

/** No prompt of that name, in this project. */
export class PromptNotFound extends Schema.TaggedError<PromptNotFound>()("PromptNotFound", {
  prompt_name: Schema.String
}) {
  override get message(): string {
    return `There is no prompt '${this.prompt_name}'.`
  }
}

/** The prompt has no version of that number. */
export class VersionNotFound extends Schema.TaggedError<VersionNotFound>()("VersionNotFound", {
  prompt_name: Schema.String,
  version_number: Schema.Int
}) {
  override get message(): string {
    return `Prompt '${this.prompt_name}' has no version ${this.version_number}.`
  }
}

/** The prompt has versions, but none was ever activated. */
export class NoActiveVersion extends Schema.TaggedError<NoActiveVersion>()("NoActiveVersion", {
  prompt_name: Schema.String
}) {
  override get message(): string {
    return `Prompt '${this.prompt_name}' has no active version: activate one, or name one in the request.`
  }
}

/** One name stands twice in a request that registers many. */
export class DuplicatePrompt extends Schema.TaggedError<DuplicatePrompt>()("DuplicatePrompt", {
  prompt_name: Schema.String
}) {
  override get message(): string {
    return `Prompt '${this.prompt_name}' stands more than once in the request.`
  }
}

/** What can be wrong with one prompt of a request that registers many. */
export const RegistrationFault = Schema.Union([
  ModeMismatch,
  TemplateHashMismatch,
  TemplateSyntaxError,
  TemplateForbidden,
  DuplicatePrompt
])
export type RegistrationFault = typeof RegistrationFault.Type

/** Nothing of the request was registered; every fault is listed by the place of its prompt in the request. */
export class RegistrationRefused extends Schema.TaggedError<RegistrationRefused>()("RegistrationRefused", {
  faults: Schema.Array(Schema.Struct({ index: Schema.Int, name: Schema.String, fault: RegistrationFault }))
}) {
  override get message(): string {
    const { length } = this.faults
    return `Nothing was registered: ${length === 1 ? "one prompt is" : `${length} prompts are`} at fault.`
  }
}
