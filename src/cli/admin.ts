import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Console, Effect, Layer, Option, Redacted, References, Schema, SchemaTransformation } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { KeyName, ProjectName, Scope } from "../domain/Access.ts"
import type { Principal } from "../domain/Access.ts"
import { DEFAULT_PROJECT_ID, KeyId } from "../domain/Ids.ts"
import { timestamp } from "../http/api/fields.ts"
import { Access } from "../services/Access.ts"
import { everyPage } from "../services/Page.ts"
import type { PageRequest } from "../services/Page.ts"
import { AppConfig } from "../layers/AppConfig.ts"
import { layerAccess } from "../layers/Live.ts"
import type { LedgerState } from "../layers/Live.ts"
import { tellingWhy } from "../layers/plainly.ts"
import { print } from "./print.ts"

/*
 * Projects and keys from the command line, straight on the database: whoever can reach that may do everything, also when
 * no key is left. An embedded database is one process's at a time, so the service has to be stopped for it.
 */

const operator: Principal = {
  key_id: KeyId.make("00000000-0000-7000-8000-000000000000"),
  project_id: DEFAULT_PROJECT_ID,
  scopes: ["admin"]
}

const over = (ledger: LedgerState) =>
  Layer.unwrap(Effect.map(AppConfig, (config) => layerAccess(config, ledger))).pipe(
    Layer.provide(AppConfig.layer),
    Layer.provide(Layer.succeed(References.MinimumLogLevel, "Warn"))
  )

/** A time as the API takes it, or a date: its beginning, in UTC. */
const Expiry = Schema.String.pipe(
  Schema.decodeTo(
    timestamp("From when on a key is refused."),
    SchemaTransformation.transform({
      decode: (text) => (/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text),
      encode: (text) => text
    })
  )
)

/** Says what is wrong in one line. */
const refuse = (message: string) =>
  Effect.andThen(
    Console.error(message),
    Effect.sync(() => {
      process.exitCode = 1
    })
  )

const projects = Access.use((access) =>
  everyPage((page: PageRequest<string>) => access.projects(operator, page))
)

const inProject = <A, E, R>(
  name: string,
  use: (project_id: typeof DEFAULT_PROJECT_ID) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function* () {
    const project = (yield* projects).find((one) => one.name === name)
    if (project === undefined) return yield* refuse(`There is no project '${name}'.`)
    return yield* use(project.project_id)
  })

const project = Flag.String("project").pipe(
  Flag.withDescription("The project's name"),
  Flag.withDefault("default")
)

const listProjects = Command.make("list", {}, () => Effect.flatMap(projects, print)).pipe(
  Command.withDescription("Lists the projects"),
  Command.provide(over("begun"))
)

const createProject = Command.make(
  "create",
  { name: Argument.String("name").pipe(Argument.withSchema(ProjectName)) },
  ({ name }) =>
    Access.use((access) => access.createProject(operator, name)).pipe(
      Effect.flatMap((created) => print([created])),
      Effect.catchTag("ProjectExists", ({ message }) => refuse(message))
    )
).pipe(Command.withDescription("Creates a project"), Command.provide(over("new or begun")))

const listKeys = Command.make("list", { project }, ({ project: name }) =>
  inProject(name, (project_id) =>
    Effect.flatMap(
      Access.use((access) =>
        everyPage((page: PageRequest<KeyId>) => access.keys(operator, project_id, page))
      ),
      print
    )
  )
).pipe(
  Command.withDescription("Lists a project's keys, without the keys themselves"),
  Command.provide(over("begun"))
)

const issueKey = Command.make(
  "issue",
  {
    project,
    name: Flag.String("name").pipe(Flag.withDescription("What the key is for"), Flag.withSchema(KeyName)),
    scopes: Flag.Literals("scope", Scope.literals).pipe(
      Flag.withDescription("What the key may do; may be given several times"),
      Flag.atLeast(1)
    ),
    expires: Flag.String("expires").pipe(
      Flag.withDescription("From when on it is refused, as 2027-01-31 or 2027-01-31T12:00:00Z"),
      Flag.withSchema(Expiry),
      Flag.optional
    )
  },
  ({ project: of, name, scopes, expires }) =>
    inProject(of, (project_id) =>
      Access.use((access) =>
        access.issue(operator, project_id, {
          name,
          scopes: [...new Set(scopes)],
          expires_at: Option.getOrUndefined(expires)
        })
      ).pipe(
        Effect.flatMap(({ key, ...issued }) => print([{ key: Redacted.value(key), ...issued }])),
        Effect.catchTag("ExpiryPast", () => refuse("--expires is in the past."))
      )
    )
).pipe(Command.withDescription("Issues a key, and shows it this once"), Command.provide(over("new or begun")))

const revokeKey = Command.make(
  "revoke",
  { key_id: Argument.String("key_id").pipe(Argument.withSchema(KeyId)) },
  ({ key_id }) =>
    Access.use((access) => access.revoke(operator, key_id)).pipe(
      Effect.andThen(print([{ key_id, revoked: true }])),
      Effect.catchTag("KeyNotFound", ({ message }) => refuse(message))
    )
).pipe(
  Command.withDescription("Revokes a key: every process refuses it within 5 seconds"),
  Command.provide(over("begun"))
)

const admin = Command.make("promptledger-admin").pipe(
  Command.withDescription("Projects and their keys, straight on the database"),
  Command.withSubcommands([
    Command.make("projects").pipe(
      Command.withDescription("Projects"),
      Command.withSubcommands([listProjects, createProject])
    ),
    Command.make("keys").pipe(
      Command.withDescription("Keys"),
      Command.withSubcommands([listKeys, issueKey, revokeKey])
    )
  ])
)

admin.pipe(
  Command.run({ version: "1", renderErrors: false }),
  tellingWhy,
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
