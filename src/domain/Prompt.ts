import { Schema } from "effect"
import { dateOf } from "./dates.ts"
import { PromptId, VersionId } from "./Ids.ts"
import { MAX_SOURCE_BYTES } from "./template/limits.ts"
import { Text, textOf, unsaid } from "./Text.ts"

/** Design section 1. */
export const PromptMode = Schema.Literals(["full", "tracking"]).annotate({
  description:
    "Where the prompt's templates live: `full` in this registry, `tracking` in an application's code."
})
export type PromptMode = typeof PromptMode.Type

export const VersionStatus = Schema.Literals(["draft", "active", "deprecated"]).annotate({
  description: "Whether the version is the active one, was it before (`deprecated`), or never was (`draft`)."
})
export type VersionStatus = typeof VersionStatus.Type

const DOTS = new Set([".", ".."])
const promptName = {
  description: "The prompt's name, unique in the project, and neither `.` nor `..`; case matters."
}
export const PromptName = Schema.String.check(
  // Clients take these out of an address: such a prompt could not be asked for.
  Schema.makeFilter((name: string) => !DOTS.has(name), {
    message: "Expected a name that is neither '.' nor '..'",
    ...unsaid
  }),
  Schema.isPattern(/^[A-Za-z0-9_.\-/]{1,255}$/u, {
    message: "Expected 1 to 255 characters of letters, digits, '_', '.', '-' and '/'",
    ...promptName
  })
)

export const TemplateSource = Text.check(
  Schema.makeFilter((text: string) => Buffer.byteLength(text) <= MAX_SOURCE_BYTES, {
    message: `Expected at most ${MAX_SOURCE_BYTES} bytes of UTF-8`,
    description: `The template's text: at most ${MAX_SOURCE_BYTES.toLocaleString("en")} bytes of UTF-8.`,
    toJsonSchema: () => [{ maxLength: MAX_SOURCE_BYTES }, true]
  })
)

export const VersionNumber = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 }))

/** Design section 5. */
export const ChecksumHash = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{64}$/u, {
    message: "Expected 64 lowercase hexadecimal digits",
    description: "SHA-256 of the template's UTF-8 bytes, in lowercase hexadecimal."
  })
)

export const Description = textOf(2_000).annotate({ description: "What the prompt is for." })
export const OwnerTeam = textOf(255).annotate({ description: "The team that owns the prompt." })
export const CreatedBy = textOf(255).annotate({ description: "Who made the version." })
export const Search = textOf(255).annotate({
  description: "A part of the name or description, whatever its case."
})

export const Prompt = Schema.Struct({
  prompt_id: PromptId,
  name: Schema.String.annotate(promptName),
  mode: PromptMode,
  description: Schema.NullOr(Schema.String).annotate({
    description: "What the prompt is for; null when nobody has said."
  }),
  owner_team: Schema.NullOr(Schema.String).annotate({
    description: "The team that owns the prompt; null when nobody has said."
  }),
  active_version_id: Schema.NullOr(VersionId).annotate({
    description: "Id of the version that runs unless another is asked for; null when none was ever activated."
  }),
  created_at: dateOf("When the prompt was created."),
  updated_at: dateOf("When the prompt or its active version last changed.")
}).annotate({ identifier: "Prompt", description: "A prompt, without its versions." })
export type Prompt = typeof Prompt.Type

export const PromptVersion = Schema.Struct({
  version_id: VersionId,
  version_number: Schema.Int.annotate({ description: "The version's number in its prompt, counted from 1." }),
  status: VersionStatus,
  checksum_hash: ChecksumHash,
  created_by: Schema.NullOr(Schema.String).annotate({
    description: "Who made the version; null when nobody has said."
  }),
  created_at: dateOf("When the version was made.")
}).annotate({ identifier: "PromptVersion", description: "A version of a prompt, without its template." })
export type PromptVersion = typeof PromptVersion.Type

export const CurrentVersion = Schema.NullOr(Schema.Int).annotate({
  description:
    "Number of the version that runs unless another is asked for; null when none was ever activated."
})

/** What a version says: the text that is hashed. Later content of a version (messages, model config) joins it here. */
export const VersionContent = Schema.Struct({
  template_source: Schema.String.annotate({ description: "The template's text." })
})

export const VersionWithContent = PromptVersion.mapFields((fields) => ({
  ...fields,
  ...VersionContent.fields
})).annotate({ description: "A version of a prompt with its template." })
export type VersionWithContent = typeof VersionWithContent.Type
