import { Schema } from "effect"
import { sha256 } from "./checksum.ts"
import { dateOf, dateOrNull } from "./dates.ts"
import { DEFAULT_PROJECT_ID, KeyId, ProjectId } from "./Ids.ts"
import { textOf, unsaid } from "./Text.ts"

export const Scope = Schema.Literals([
  "prompts:read",
  "prompts:write",
  "executions:write",
  "executions:read",
  "analytics:read",
  "admin"
]).annotate({
  description: "What a key may do: `admin` is everything in its project, or in every project from `default`."
})
export type Scope = typeof Scope.Type

const projectName = { description: "The project's name, which no other has." }
export const ProjectName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9_.-]{1,100}$/u, {
    message: "Expected 1 to 100 letters, digits and any of _ . -",
    ...projectName
  })
)

/** A project sees nothing of another. */
export const Project = Schema.Struct({
  project_id: ProjectId,
  name: Schema.String.annotate(projectName),
  created_at: dateOf("When the project was created.")
}).annotate({ identifier: "Project", description: "What prompts, executions and keys belong to." })
export type Project = typeof Project.Type

/** The name of the key that the setting `API_KEY` gives: a start with another one ends it. */
export const CONFIGURED_KEY = "API_KEY"

const keyName = { description: "What the key is called, for people." }
export const KeyName = textOf(100)
  .check(
    Schema.makeFilter((name: string) => name !== CONFIGURED_KEY, {
      message: `Expected another name than ${CONFIGURED_KEY}, which is that of the configured key`,
      ...unsaid
    })
  )
  .annotate(keyName)

/** A key as it may be shown: of the key itself only a hash is kept. */
export const ApiKey = Schema.Struct({
  key_id: KeyId,
  project_id: ProjectId,
  name: Schema.String.annotate(keyName),
  scopes: Schema.Array(Scope).annotate({ description: "What the key may do." }),
  created_at: dateOf("When the key was issued."),
  expires_at: dateOrNull("From when on the key is refused; null when it does not expire."),
  revoked_at: dateOrNull(
    "When the key was revoked: every process refuses it within 5 seconds; null when it was not."
  ),
  last_used_at: dateOrNull("When the key was last used, give or take a minute; null when it never was.")
}).annotate({ identifier: "ApiKey", description: "An API key, without the key itself." })
export type ApiKey = typeof ApiKey.Type

/** Who asks: a key, the project that it belongs to, and what it may do. */
export const Principal = Schema.Struct({
  key_id: KeyId,
  project_id: ProjectId,
  scopes: Schema.Array(Scope)
})
export type Principal = typeof Principal.Type

export class ScopeMissing extends Schema.TaggedError<ScopeMissing>()("ScopeMissing", {
  scope: Scope,
  /** The project whose key it takes, when one of any other will not do. */
  project_name: Schema.optional(ProjectName)
}) {
  override get message(): string {
    const project = this.project_name === undefined ? "" : ` of the project ${this.project_name}`
    return `This takes a key with the scope ${this.scope}${project}.`
  }
}

export class ProjectNotFound extends Schema.TaggedError<ProjectNotFound>()("ProjectNotFound", {
  project_id: ProjectId
}) {
  override get message(): string {
    return `There is no project ${this.project_id}.`
  }
}

export class ProjectExists extends Schema.TaggedError<ProjectExists>()("ProjectExists", {
  project_name: Schema.String
}) {
  override get message(): string {
    return `There is a project '${this.project_name}' already.`
  }
}

/** A key was to expire before it was issued. */
export class ExpiryPast extends Schema.TaggedError<ExpiryPast>()("ExpiryPast", {
  expires_at: Schema.Date
}) {
  override get message(): string {
    return "expires_at: Expected a time in the future"
  }
}

export class KeyNotFound extends Schema.TaggedError<KeyNotFound>()("KeyNotFound", { key_id: KeyId }) {
  override get message(): string {
    return `There is no key ${this.key_id}.`
  }
}

export const hasScope = ({ scopes }: Pick<Principal, "scopes">, scope: Scope): boolean =>
  scopes.includes(scope) || scopes.includes("admin")

/** Whether who asks, when an admin, is one of all projects: those of `default` are. */
export const reachesAll = ({ project_id }: Pick<Principal, "project_id">): boolean =>
  project_id === DEFAULT_PROJECT_ID

/** Whether who asks administers a project: its own, or any. */
export const administers = (principal: Principal, project_id: ProjectId): boolean =>
  reachesAll(principal) || principal.project_id === project_id

/** Random bytes in a key: 192 bits. */
export const KEY_BYTES = 24
const CHECKSUM_LENGTH = 6
const FORM = /^pl_([\w-]{32})([\w-]{6})$/

const checksumOf = (body: string) =>
  Buffer.from(sha256(body), "hex").toString("base64url").slice(0, CHECKSUM_LENGTH)

/** A key of random bytes: `pl_`, the bytes, and a checksum by which a slip is told from a key without a look-up. */
export const formatKey = (random: Uint8Array): string => {
  const body = Buffer.from(random).toString("base64url")
  return `pl_${body}${checksumOf(body)}`
}

/** Whether a text has the form of a key and not its checksum: it was never one. */
export const isMistyped = (key: string): boolean => {
  const [, body, checksum] = FORM.exec(key) ?? []
  return body !== undefined && checksumOf(body) !== checksum
}
