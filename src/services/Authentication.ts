import { Context, Duration, Effect, Exit, Layer, Option, Redacted, Schema } from "effect"
import { Cache } from "effect"
import { randomBytes, timingSafeEqual } from "node:crypto"
import { sha256 } from "../domain/checksum.ts"
import { KeyId, ProjectId } from "../domain/Ids.ts"
import { KeyStore } from "./KeyStore.ts"

/** No key was given, or none that may be used. */
export class InvalidApiKey extends Schema.TaggedError<InvalidApiKey>()("InvalidApiKey", {}) {}

/** Who asks: a key, and the project that it belongs to. */
export const Principal = Schema.Struct({ key_id: KeyId, project_id: ProjectId })
export type Principal = typeof Principal.Type

/** How long a process goes by what it knows of a key: so long at most does a revoked key still open. */
const KEY_REMEMBERED = Duration.seconds(4)
const KEYS_REMEMBERED = 10_000

/** Tells who asks by the API key. Of a key only its SHA-256 hash is kept, and hashes are compared in constant time. */
export class Authentication extends Context.Service<
  Authentication,
  {
    readonly authenticate: (key: Redacted.Redacted) => Effect.Effect<Principal, InvalidApiKey>
    /** Makes the configured key the default project's admin key. */
    readonly configure: (key: Redacted.Redacted) => Effect.Effect<void>
    /** Makes an admin key of the default project when there is no key at all, and gives it: it can't be had again. */
    readonly first: Effect.Effect<Option.Option<Redacted.Redacted>>
  }
>()("promptledger/services/Authentication") {
  static readonly layer = Layer.effect(
    Authentication,
    Effect.gen(function* () {
      const store = yield* KeyStore
      const known = yield* Cache.makeWith(store.find, {
        capacity: KEYS_REMEMBERED,
        timeToLive: Exit.match({
          onFailure: () => Duration.zero,
          onSuccess: (key) => (Option.isSome(key) ? KEY_REMEMBERED : Duration.zero)
        })
      })

      return Authentication.of({
        authenticate: Effect.fnUntraced(function* (key) {
          const key_hash = sha256(Redacted.value(key))
          const found = yield* Cache.get(known, key_hash)
          if (Option.isNone(found) || !sameHash(found.value.key_hash, key_hash))
            return yield* new InvalidApiKey()
          const { key_id, project_id } = found.value
          return { key_id, project_id }
        }),
        configure: (key) => store.configure(sha256(Redacted.value(key))),
        first: Effect.gen(function* () {
          const key = `pl_${randomBytes(24).toString("base64url")}`
          return (yield* store.first(sha256(key))) ? Option.some(Redacted.make(key)) : Option.none()
        })
      })
    })
  )
}

const sameHash = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a), Buffer.from(b))
