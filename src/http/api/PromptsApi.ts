import { ByteSize, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import {
  ChecksumHash,
  CreatedBy,
  CurrentVersion,
  Description,
  OwnerTeam,
  Prompt,
  PromptMode,
  PromptName,
  PromptVersion,
  Search,
  TemplateSource,
  VersionContent,
  VersionNumber,
  VersionWithContent
} from "../../domain/Prompt.ts"
import { Authorization } from "./Authorization.ts"
import { RequestCheck } from "./RequestCheck.ts"
import { BodyLimit } from "./BodyLimit.ts"
import { cursorOf, nextCursor, NumberCursor } from "./Cursor.ts"
import { Limit, optional, writtenInteger } from "./fields.ts"
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
  set_active: optional(
    Schema.Boolean.annotate({ description: "Whether to make the version the active one." }),
    true
  )
}).annotate({ identifier: "UpsertPrompt", description: "A prompt as it is to be." })

const upserted = {
  prompt: Prompt,
  version: PromptVersion,
  version_change: Schema.Literals(["created", "reused", "unchanged"]).annotate({
    description: "Whether a version was made, an older one has the content, or the active one has it."
  })
}
const created = { description: "Whether the prompt is new." }
const PromptCreated = Schema.Struct({ ...upserted, created: Schema.Literal(true).annotate(created) })
const PromptUpdated = Schema.Struct({ ...upserted, created: Schema.Literal(false).annotate(created) })

export const TemplateVariable = Schema.Struct({
  name: Schema.String.annotate({ description: "The variable's name." }),
  required: Schema.Boolean.annotate({ description: "Whether rendering fails without it." })
}).annotate({ identifier: "TemplateVariable", description: "A variable that a template refers to." })

export const VersionDetail = VersionWithContent.mapFields((fields) => ({
  ...fields,
  variables: Schema.Array(TemplateVariable).annotate({
    description: "The variables that the template refers to."
  })
})).annotate({ identifier: "VersionDetail", description: "A version of a prompt with its template." })

export const PromptDetail = Schema.Struct({
  prompt: Prompt,
  active_version: Schema.NullOr(VersionDetail).annotate({
    description: "The version that runs unless another is asked for; null when none was ever activated."
  })
}).annotate({ identifier: "PromptDetail", description: "A prompt with its active version." })

export const RegisterCode = Schema.Struct({
  prompts: Schema.Array(
    Schema.Struct({
      name: PromptName,
      template_source: TemplateSource,
      template_hash: Schema.optionalKey(
        ChecksumHash.annotate({
          description:
            "SHA-256 of the template's UTF-8 bytes, in lowercase hexadecimal; refused when it is another's."
        })
      ),
      description: Schema.optionalKey(Description),
      owner_team: Schema.optionalKey(OwnerTeam)
    })
  )
    .check(Schema.isBetweenLength(1, 1_000))
    .annotate({ description: "The prompts, 1 to 1,000, each name once." }),
  dry_run: optional(
    Schema.Boolean.annotate({ description: "Whether only to say what would change, and to change nothing." }),
    false
  )
}).annotate({ identifier: "RegisterCode", description: "Prompts that live in application code." })

export const RegisteredPrompt = Schema.Struct({
  name: Prompt.fields.name,
  mode: Schema.Literal("tracking").annotate({ description: "The prompt lives in an application's code." }),
  version: Schema.Int.annotate({ description: "Number of the version that has the template." }),
  template_hash: ChecksumHash,
  change_detected: Schema.Boolean.annotate({
    description: "Whether the prompt was there with another current version."
  }),
  previous_version: Schema.NullOr(Schema.Int).annotate({
    description: "Number of the version that was current before the change; null when nothing changed."
  })
}).annotate({ identifier: "RegisteredPrompt", description: "What registering came to for a prompt." })

export const HistoryEntry = Schema.Struct({
  version: PromptVersion.fields.version_number,
  version_id: PromptVersion.fields.version_id,
  status: PromptVersion.fields.status,
  template_hash: ChecksumHash,
  template_source: VersionContent.fields.template_source,
  created_by: PromptVersion.fields.created_by,
  created_at: PromptVersion.fields.created_at,
  execution_count: Schema.Int.annotate({
    description: "Executions of the version, also those that have not ended."
  })
}).annotate({
  identifier: "HistoryEntry",
  description: "A version with its template and how often it was run."
})

const name = { name: PromptName }
const version = {
  ...name,
  version_number: writtenInteger(
    VersionNumber.annotate({ description: "The version's number in its prompt." })
  )
}

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
        search: Schema.optionalKey(Search),
        limit: Limit,
        cursor: Schema.optionalKey(NameCursor)
      },
      success: Schema.Struct({
        prompts: Schema.Array(Prompt).annotate({ description: "The page's prompts, by name." }),
        next_cursor: nextCursor(NameCursor)
      })
    }).annotateMerge(about("The prompts, by name", "prompts:read")),
    HttpApiEndpoint.get("versions", "/v1/prompts/:name/versions", {
      params: name,
      query: pageOfVersions,
      success: Schema.Struct({
        versions: Schema.Array(PromptVersion).annotate({ description: "The page's versions, newest first." }),
        next_cursor: nextCursor(NumberCursor)
      }),
      error: PromptNotFound
    }).annotateMerge(about("A prompt's versions, newest first", "prompts:read")),
    HttpApiEndpoint.get("version", "/v1/prompts/:name/versions/:version_number", {
      params: version,
      success: VersionDetail,
      error: [PromptNotFound, VersionNotFound]
    }).annotateMerge(about("One version with its template", "prompts:read")),
    HttpApiEndpoint.post("activate", "/v1/prompts/:name/versions/:version_number:activate", {
      params: version,
      success: PromptDetail,
      error: [PromptNotFound, VersionNotFound, ModeMismatch]
    }).annotateMerge(about("Makes a version the active one: rollback", "prompts:write")),
    HttpApiEndpoint.post("registerCode", "/v1/prompts/register-code", {
      payload: RegisterCode,
      success: Schema.Struct({
        registered: Schema.Array(RegisteredPrompt).annotate({
          description: "What came of each prompt, in the order of the request."
        }),
        dry_run: Schema.Boolean.annotate({
          description: "Whether this is what would change, and nothing did."
        })
      }),
      error: RegistrationRefused
    })
      .annotateMerge(about("Registers prompts that live in application code, all or none", "prompts:write"))
      .annotate(BodyLimit, ByteSize.mebibytes(5)),
    HttpApiEndpoint.get("history", "/v1/prompts/:name/history", {
      params: name,
      query: {
        mode: Schema.optionalKey(
          PromptMode.annotate({ description: "The prompt's mode; refused when it is in the other." })
        ),
        ...pageOfVersions
      },
      success: Schema.Struct({
        prompt_name: Prompt.fields.name,
        mode: PromptMode,
        current_version: CurrentVersion,
        versions: Schema.Array(HistoryEntry).annotate({ description: "The page's versions, newest first." }),
        next_cursor: nextCursor(NumberCursor)
      }),
      error: [PromptNotFound, ModeMismatch]
    }).annotateMerge(
      about(
        "A prompt's versions with their templates and how often each was run",
        "prompts:read",
        "A page has fewer versions than its limit where their templates would have more than 4 MiB."
      )
    )
  )
  .middleware(RequestCheck)
  .middleware(Authorization)
  .annotate(OpenApi.Description, "Prompts and their versions, in both modes.") {}
