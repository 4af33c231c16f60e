import { ByteSize, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import {
  ChecksumHash,
  CreatedBy,
  Description,
  OwnerTeam,
  Prompt,
  PromptMode,
  PromptName,
  PromptVersion,
  TemplateSource,
  VersionNumber,
  VersionWithContent
} from "../../domain/Prompt.ts"
import { textOf } from "../../domain/Text.ts"
import { Authorization } from "./Authorization.ts"
import { RequestCheck } from "./RequestCheck.ts"
import { BodyLimit } from "./BodyLimit.ts"
import { cursorOf, NumberCursor } from "./Cursor.ts"
import { Limit, optional } from "./fields.ts"
import {
  ModeMismatch,
  PromptNotFound,
  RegistrationRefused,
  TemplateForbidden,
  TemplateSyntaxError,
  VersionNotFound
} from "./Problems.ts"
import { about } from "./RequiredScope.ts"

const NameCursor = cursorOf(PromptName)

const pageOfVersions = {
  limit: Limit,
  cursor: Schema.optionalKey(NumberCursor)
}

export const UpsertPrompt = Schema.Struct({
  template_source: TemplateSource,
  description: Schema.optionalKey(Description),
  owner_team: Schema.optionalKey(OwnerTeam),
  created_by: Schema.optionalKey(CreatedBy),
  /** Makes the version the active one. */
  set_active: optional(Schema.Boolean, true)
}).annotate({ identifier: "UpsertPrompt" })

const upserted = {
  prompt: Prompt,
  version: PromptVersion,
  /** A version was made, an older one has the content, or nothing is new. */
  version_change: Schema.Literals(["created", "reused", "unchanged"])
}
const PromptCreated = Schema.Struct({ ...upserted, created: Schema.Literal(true) })
const PromptUpdated = Schema.Struct({ ...upserted, created: Schema.Literal(false) })

export const TemplateVariable = Schema.Struct({
  name: Schema.String,
  /** Rendering fails without it. */
  required: Schema.Boolean
}).annotate({ identifier: "TemplateVariable" })

export const VersionDetail = VersionWithContent.mapFields((fields) => ({
  ...fields,
  variables: Schema.Array(TemplateVariable)
})).annotate({ identifier: "VersionDetail" })

export const PromptDetail = Schema.Struct({
  prompt: Prompt,
  active_version: Schema.NullOr(VersionDetail)
}).annotate({ identifier: "PromptDetail" })

export const RegisterCode = Schema.Struct({
  prompts: Schema.Array(
    Schema.Struct({
      name: PromptName,
      template_source: TemplateSource,
      /** Refused when it is not the template's SHA-256. */
      template_hash: Schema.optionalKey(ChecksumHash),
      description: Schema.optionalKey(Description),
      owner_team: Schema.optionalKey(OwnerTeam)
    })
  ).check(Schema.isBetweenLength(1, 1_000)),
  /** Says what would change, and changes nothing. */
  dry_run: optional(Schema.Boolean, false)
}).annotate({ identifier: "RegisterCode" })

export const RegisteredPrompt = Schema.Struct({
  name: Schema.String,
  mode: Schema.Literal("tracking"),
  version: Schema.Int,
  template_hash: ChecksumHash,
  change_detected: Schema.Boolean,
  previous_version: Schema.NullOr(Schema.Int)
}).annotate({ identifier: "RegisteredPrompt" })

export const HistoryEntry = Schema.Struct({
  version: Schema.Int,
  version_id: PromptVersion.fields.version_id,
  status: PromptVersion.fields.status,
  template_hash: ChecksumHash,
  template_source: Schema.String,
  created_by: PromptVersion.fields.created_by,
  created_at: Schema.Date,
  execution_count: Schema.Int
}).annotate({ identifier: "HistoryEntry" })

const name = { name: PromptName }

export class PromptsApi extends HttpApiGroup.make("prompts")
  .add(
    HttpApiEndpoint.put("upsert", "/v1/prompts/:name", {
      params: name,
      payload: UpsertPrompt,
      success: [PromptUpdated, PromptCreated.pipe(HttpApiSchema.status("Created"))],
      error: [ModeMismatch, TemplateSyntaxError, TemplateForbidden]
    }).annotateMerge(
      about(
        "Creates or updates a prompt of full mode; a new version only when the content is new",
        "prompts:write"
      )
    ),
    HttpApiEndpoint.get("get", "/v1/prompts/:name", {
      params: name,
      success: PromptDetail,
      error: PromptNotFound
    }).annotateMerge(about("A prompt with its active version", "prompts:read")),
    HttpApiEndpoint.get("list", "/v1/prompts", {
      query: {
        mode: Schema.optionalKey(PromptMode),
        owner_team: Schema.optionalKey(OwnerTeam),
        /** A part of the name or description, whatever its case. */
        search: Schema.optionalKey(textOf(255)),
        limit: Limit,
        cursor: Schema.optionalKey(NameCursor)
      },
      success: Schema.Struct({ prompts: Schema.Array(Prompt), next_cursor: Schema.NullOr(NameCursor) })
    }).annotateMerge(about("The prompts, by name", "prompts:read")),
    HttpApiEndpoint.get("versions", "/v1/prompts/:name/versions", {
      params: name,
      query: pageOfVersions,
      success: Schema.Struct({
        versions: Schema.Array(PromptVersion),
        next_cursor: Schema.NullOr(NumberCursor)
      }),
      error: PromptNotFound
    }).annotateMerge(about("A prompt's versions, newest first", "prompts:read")),
    HttpApiEndpoint.get("version", "/v1/prompts/:name/versions/:version_number", {
      params: { ...name, version_number: VersionNumber },
      success: VersionDetail,
      error: [PromptNotFound, VersionNotFound]
    }).annotateMerge(about("One version with its template", "prompts:read")),
    HttpApiEndpoint.post("activate", "/v1/prompts/:name/versions/:version_number:activate", {
      params: { ...name, version_number: VersionNumber },
      success: PromptDetail,
      error: [PromptNotFound, VersionNotFound, ModeMismatch]
    }).annotateMerge(about("Makes a version the active one: rollback", "prompts:write")),
    HttpApiEndpoint.post("registerCode", "/v1/prompts/register-code", {
      payload: RegisterCode,
      success: Schema.Struct({ registered: Schema.Array(RegisteredPrompt), dry_run: Schema.Boolean }),
      error: RegistrationRefused
    })
      .annotateMerge(about("Registers prompts that live in application code, all or none", "prompts:write"))
      .annotate(BodyLimit, ByteSize.mebibytes(5)),
    HttpApiEndpoint.get("history", "/v1/prompts/:name/history", {
      params: name,
      query: {
        /** Refused when it is not the prompt's. */
        mode: Schema.optionalKey(PromptMode),
        ...pageOfVersions
      },
      success: Schema.Struct({
        prompt_name: Schema.String,
        mode: PromptMode,
        current_version: Schema.NullOr(Schema.Int),
        versions: Schema.Array(HistoryEntry),
        next_cursor: Schema.NullOr(NumberCursor)
      }),
      error: [PromptNotFound, ModeMismatch]
    }).annotateMerge(
      about("A prompt's versions with their templates and how often each was run", "prompts:read")
    )
  )
  .middleware(RequestCheck)
  .middleware(Authorization) {}
