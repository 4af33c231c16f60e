import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ApiKey, KeyName, Project, ProjectName, Scope } from "../../domain/Access.ts"
import { KeyId, ProjectId } from "../../domain/Ids.ts"
import { Authorization } from "./Authorization.ts"
import { cursorOf, nextCursor } from "./Cursor.ts"
import { Limit, timestamp } from "./fields.ts"
import { BadRequest, InsufficientScope, KeyNotFound, ProjectExists, ProjectNotFound } from "./Problems.ts"
import { RequestCheck } from "./RequestCheck.ts"
import { about } from "./RequiredScope.ts"

export const CreateProject = Schema.Struct({ name: ProjectName }).annotate({
  identifier: "CreateProject",
  description: "A project to be created."
})

export const CreateKey = Schema.Struct({
  name: KeyName,
  scopes: Schema.Array(Scope)
    .check(Schema.isMinLength(1), Schema.isUnique())
    .annotate({ description: "What the key may do: at least one scope, each once." }),
  expires_at: Schema.optionalKey(
    timestamp("From when on the key is refused, in time to come; without it, the key does not expire.")
  )
}).annotate({ identifier: "CreateKey", description: "A key to be issued." })

export const IssuedKey = ApiKey.mapFields((fields) => ({
  ...fields,
  key: Schema.String.annotate({ description: "The key itself, shown this once." })
})).annotate({ identifier: "IssuedKey", description: "An API key that was just issued." })

const ProjectCursor = cursorOf(ProjectName)
const KeyCursor = cursorOf(KeyId)

const ofProject = { params: { project_id: ProjectId } }

export class AccessApi extends HttpApiGroup.make("access")
  .add(
    HttpApiEndpoint.get("projects", "/v1/projects", {
      query: { limit: Limit, cursor: Schema.optionalKey(ProjectCursor) },
      success: Schema.Struct({
        projects: Schema.Array(Project).annotate({ description: "The page's projects, by name." }),
        next_cursor: nextCursor(ProjectCursor)
      })
    }).annotateMerge(about("The projects that the key administers, by name", "admin")),
    HttpApiEndpoint.post("createProject", "/v1/projects", {
      payload: CreateProject,
      success: Project.pipe(HttpApiSchema.status("Created")),
      error: [InsufficientScope, ProjectExists]
    }).annotateMerge(about("Creates a project; for admins of the project `default`", "admin")),
    HttpApiEndpoint.get("keys", "/v1/projects/:project_id/keys", {
      ...ofProject,
      query: { limit: Limit, cursor: Schema.optionalKey(KeyCursor) },
      success: Schema.Struct({
        keys: Schema.Array(ApiKey).annotate({ description: "The page's keys, newest first." }),
        next_cursor: nextCursor(KeyCursor)
      }),
      error: ProjectNotFound
    }).annotateMerge(about("A project's keys, newest first, without the keys themselves", "admin")),
    HttpApiEndpoint.post("issueKey", "/v1/projects/:project_id/keys", {
      ...ofProject,
      payload: CreateKey,
      success: IssuedKey.pipe(HttpApiSchema.status("Created")),
      error: [BadRequest, ProjectNotFound]
    }).annotateMerge(about("Issues a key, and shows it this once", "admin")),
    HttpApiEndpoint.delete("revokeKey", "/v1/keys/:key_id", {
      params: { key_id: KeyId },
      success: HttpApiSchema.NoContent,
      error: KeyNotFound
    }).annotateMerge(about("Revokes a key: every process refuses it within 5 seconds", "admin"))
  )
  .middleware(RequestCheck)
  .middleware(Authorization)
  .annotate(OpenApi.Description, "Projects and their keys, for admins.") {}
