import { Context } from "effect"
import type { Effect, Option } from "effect"
import type { ApiKey, Principal, Project, Scope } from "../domain/Access.ts"
import type { KeyId, ProjectId } from "../domain/Ids.ts"
import type { PageRequest } from "./Page.ts"

/** An API key that may be used now. Of the key itself only a SHA-256 hash is kept. */
export interface StoredKey extends Principal {
  readonly key_hash: string
  readonly last_used_at: Date | null
  /** Milliseconds until it expires, by the store's clock. */
  readonly expires_in_ms: number | null
}

export interface NewKey {
  readonly project_id: ProjectId
  readonly name: string
  readonly key_hash: string
  readonly scopes: ReadonlyArray<Scope>
  readonly expires_at: Date | null
}

/** Projects and their API keys. */
export class KeyStore extends Context.Service<
  KeyStore,
  {
    /** The key of that hash, when it is neither expired nor revoked. */
    readonly find: (key_hash: string) => Effect.Effect<Option.Option<StoredKey>>
    /** Notes that a key is in use. */
    readonly used: (key_id: KeyId) => Effect.Effect<void>
    /** Makes the key of that hash the default project's configured admin key, in place of the one before it. */
    readonly configure: (key_hash: string) => Effect.Effect<void>
    /** Gives the default project an admin key of that hash, when there is no key at all; says whether it did. */
    readonly first: (key_hash: string) => Effect.Effect<boolean>

    /** A project's keys, newest first. None when there is no such project. */
    readonly keys: (
      project_id: ProjectId,
      page: PageRequest<KeyId>
    ) => Effect.Effect<Option.Option<ReadonlyArray<ApiKey>>>
    /** None when there is no such project. */
    readonly insert: (key: NewKey) => Effect.Effect<Option.Option<ApiKey>>
    /** Ends a key, of this project alone when one is given, and gives its hash. None when there is no such key. */
    readonly revoke: (
      key_id: KeyId,
      project_id: ProjectId | undefined
    ) => Effect.Effect<Option.Option<string>>

    /** The projects by name, or the one that is given alone. */
    readonly projects: (
      project_id: ProjectId | undefined,
      page: PageRequest<string>
    ) => Effect.Effect<ReadonlyArray<Project>>
    /** None when a project of that name is there. */
    readonly insertProject: (name: string) => Effect.Effect<Option.Option<Project>>
  }
>()("promptledger/services/KeyStore") {}
