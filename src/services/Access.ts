import { Clock, Context, Effect, Layer, Option, Redacted } from "effect"
import {
  administers,
  ExpiryPast,
  KeyNotFound,
  ProjectExists,
  ProjectNotFound,
  reachesAll,
  ScopeMissing
} from "../domain/Access.ts"
import type { ApiKey, Principal, Project } from "../domain/Access.ts"
import { sha256 } from "../domain/checksum.ts"
import type { KeyId, ProjectId } from "../domain/Ids.ts"
import { checkKeyRequest, checkProject } from "../domain/requests.ts"
import type { KeyRequest } from "../domain/requests.ts"
import type { InvalidRequest } from "../domain/validation.ts"
import { Authentication, newKey } from "./Authentication.ts"
import { KeyStore } from "./KeyStore.ts"
import { paged } from "./Page.ts"
import type { Page, PageRequest } from "./Page.ts"

/** A key as it was issued: the only time that it is shown. */
export interface IssuedKey extends ApiKey {
  readonly key: Redacted.Redacted
}

/**
 * Projects and their keys. An admin of the project `default` administers all of them; one of another project that alone,
 * and sees no other. A project may have any number of keys at once, so that one can be replaced without a gap.
 */
export class Access extends Context.Service<
  Access,
  {
    /** The projects that one administers, by name. */
    readonly projects: (
      principal: Principal,
      page: PageRequest<string>
    ) => Effect.Effect<Page<Project, string>>
    readonly createProject: (
      principal: Principal,
      name: string
    ) => Effect.Effect<Project, InvalidRequest | ProjectExists | ScopeMissing>
    /** A project's keys, newest first, those that have ended too. */
    readonly keys: (
      principal: Principal,
      project_id: ProjectId,
      page: PageRequest<KeyId>
    ) => Effect.Effect<Page<ApiKey, KeyId>, ProjectNotFound>
    readonly issue: (
      principal: Principal,
      project_id: ProjectId,
      request: KeyRequest
    ) => Effect.Effect<IssuedKey, ExpiryPast | InvalidRequest | ProjectNotFound>
    /** Ends a key: in this process at once, in others within 5 seconds. */
    readonly revoke: (principal: Principal, key_id: KeyId) => Effect.Effect<void, KeyNotFound>
  }
>()("promptledger/services/Access") {
  static readonly layer = Layer.effect(
    Access,
    Effect.gen(function* () {
      const store = yield* KeyStore
      const { forget } = yield* Authentication

      /** The project that one is bound to: none for who reaches all. */
      const boundTo = (principal: Principal) => (reachesAll(principal) ? undefined : principal.project_id)

      return Access.of({
        projects: Effect.fn("Access.projects")((principal, page) =>
          paged(
            page,
            (more) => store.projects(boundTo(principal), more),
            ({ name }) => name
          )
        ),
        createProject: Effect.fn("Access.createProject")(function* (principal, name) {
          if (!reachesAll(principal)) {
            return yield* new ScopeMissing({ scope: "admin", project_name: "default" })
          }
          yield* checkProject({ name })
          const created = yield* store.insertProject(name)
          return Option.isSome(created) ? created.value : yield* new ProjectExists({ project_name: name })
        }),
        keys: Effect.fn("Access.keys")(function* (principal, project_id, page) {
          const unknown = new ProjectNotFound({ project_id })
          if (!administers(principal, project_id)) return yield* unknown
          return yield* paged(
            page,
            (more) =>
              Effect.flatMap(store.keys(project_id, more), Effect.fromOption).pipe(
                Effect.mapError(() => unknown)
              ),
            ({ key_id }: ApiKey) => key_id
          )
        }),
        issue: Effect.fn("Access.issue")(function* (principal, project_id, request) {
          yield* checkKeyRequest(request)
          const { name, scopes, expires_at = null } = request
          if (expires_at !== null && expires_at.getTime() <= (yield* Clock.currentTimeMillis)) {
            return yield* new ExpiryPast({ expires_at })
          }
          if (!administers(principal, project_id)) return yield* new ProjectNotFound({ project_id })
          const key = yield* newKey
          const key_hash = sha256(Redacted.value(key))
          const issued = yield* store.insert({ project_id, name, key_hash, scopes, expires_at })
          return Option.isSome(issued) ? { ...issued.value, key } : yield* new ProjectNotFound({ project_id })
        }),
        revoke: Effect.fn("Access.revoke")(function* (principal, key_id) {
          const key_hash = yield* store.revoke(key_id, boundTo(principal))
          if (Option.isNone(key_hash)) return yield* new KeyNotFound({ key_id })
          yield* forget(key_hash.value)
        })
      })
    })
  )
}
