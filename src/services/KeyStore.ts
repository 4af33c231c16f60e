import { Context } from "effect"
import type { Effect, Option } from "effect"
import type { KeyId, ProjectId } from "../domain/Ids.ts"

/** An API key that may be used now. Of the key itself only a SHA-256 hash is kept. */
export interface StoredKey {
  readonly key_id: KeyId
  readonly project_id: ProjectId
  readonly key_hash: string
}

/** API keys. */
export class KeyStore extends Context.Service<
  KeyStore,
  {
    /** The key of that hash, when it is neither expired nor revoked. */
    readonly find: (key_hash: string) => Effect.Effect<Option.Option<StoredKey>>
    /** Makes the key of that hash the default project's configured admin key, in place of the one before it. */
    readonly configure: (key_hash: string) => Effect.Effect<void>
    /** Gives the default project an admin key of that hash, when there is no key at all; says whether it did. */
    readonly first: (key_hash: string) => Effect.Effect<boolean>
  }
>()("promptledger/services/KeyStore") {}
