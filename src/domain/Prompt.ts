import { Schema } from "effect"
import { PromptId, VersionId } from "./Ids.ts"
import { MAX_SOURCE_BYTES } from "./template/limits.ts"
import { Text, textOf } from "./Text.ts"

/** Where a prompt's templates live: `full` in this registry, `tracking` in an application's code (design section 1). */
export const PromptMode = Schema.Literals(["full", "tracking"])
export type PromptMode = typeof PromptMode.Type

export const VersionStatus = Schema.Literals(["draft", "active", "deprecated"])
export type VersionStatus = typeof VersionStatus.Type

/** 1 to 255 letters, digits, `_`, `.`, `-` and `/`; case matters. */
export const PromptName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_.\-/]{1,255}$/, {
    message: "Expected 1 to 255 characters of letters, digits, '_', '.', '-' and '/'"
  })
)

/** A template's text: at most 204,800 bytes of UTF-8. */
export const TemplateSource = Text.check(
  Schema.makeFilter((text: string) => Buffer.byteLength(text) <= MAX_SOURCE_BYTES, {
    message: `Expected at most ${MAX_SOURCE_BYTES} bytes of UTF-8`
  })
)

export const VersionNumber = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 }))

/** Lowercase hex SHA-256 of a template's UTF-8 bytes (design section 5). */
export const ChecksumHash = Schema.String.check(
  Schema.isPattern(/^[0-9a-f]{64}$/, { message: "Expected 64 lowercase hexadecimal digits" })
)

export const Description = textOf(2_000)
export const OwnerTeam = textOf(255)
export const CreatedBy = textOf(255)

export const Prompt = Schema.Struct({
  prompt_id: PromptId,
  name: Schema.String,
  mode: PromptMode,
  description: Schema.NullOr(Schema.String),
  owner_team: Schema.NullOr(Schema.String),
  active_version_id: Schema.NullOr(VersionId),
  created_at: Schema.Date,
  updated_at: Schema.Date
}).annotate({ identifier: "Prompt" })
export type Prompt = typeof Prompt.Type

export const PromptVersion = Schema.Struct({
  version_id: VersionId,
  version_number: Schema.Int,
  status: VersionStatus,
  checksum_hash: ChecksumHash,
  created_by: Schema.NullOr(Schema.String),
  created_at: Schema.Date
}).annotate({ identifier: "PromptVersion" })
export type PromptVersion = typeof PromptVersion.Type

/** What a version says: the text that is hashed. Later content of a version (messages, model config) joins it here. */
export const VersionContent = Schema.Struct({ template_source: Schema.String })

export const VersionWithContent = PromptVersion.mapFields((fields) => ({
  ...fields,
  ...VersionContent.fields
}))
export type VersionWithContent = typeof VersionWithContent.Type
