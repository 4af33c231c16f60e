import { Effect, Layer, Option } from "effect"
import { KeyStore } from "../../services/KeyStore.ts"
import type { StoredKey } from "../../services/KeyStore.ts"
import { NewId } from "../../services/NewId.ts"
import { Database } from "./Database.ts"

/** The names of the two keys that are not issued over the API. */
const CONFIGURED = "API_KEY"
const FIRST = "first start"

/** `KeyStore` over PostgreSQL, a server's or PGlite's. */
export const layer = Layer.effect(
  KeyStore,
  Effect.gen(function* () {
    const { read, write, reading, writing, now } = yield* Database
    const newId = yield* NewId

    const selectKey = Effect.fnUntraced(function* (key_hash: string) {
      return yield* read<StoredKey>`
        SELECT key_id, project_id, key_hash FROM api_keys
        WHERE key_hash = ${key_hash} AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${yield* now})`
    })

    const insertAdminKey = (name: string, key_hash: string) => write`
      INSERT INTO api_keys (key_id, project_id, name, key_hash, scopes)
      SELECT ${newId()}, project_id, ${name}, ${key_hash}, ARRAY['admin'] FROM projects WHERE name = 'default'
      ON CONFLICT (key_hash) DO UPDATE SET revoked_at = NULL`

    const revokeOthers = Effect.fnUntraced(function* (name: string, key_hash: string) {
      yield* write`
        UPDATE api_keys SET revoked_at = ${yield* now}
        WHERE name = ${name} AND key_hash <> ${key_hash} AND revoked_at IS NULL`
    })

    const lockKeys = write`LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE`
    const selectAny = write`SELECT FROM api_keys LIMIT 1`

    return KeyStore.of({
      find: (key_hash) => Effect.map(reading(selectKey(key_hash)), ([key]) => Option.fromUndefinedOr(key)),
      configure: (key_hash) =>
        writing(Effect.andThen(revokeOthers(CONFIGURED, key_hash), insertAdminKey(CONFIGURED, key_hash))),
      first: (key_hash) =>
        Effect.gen(function* () {
          yield* lockKeys
          if ((yield* selectAny).length > 0) return false
          yield* insertAdminKey(FIRST, key_hash)
          return true
        }).pipe(write.withTransaction, writing)
    })
  })
)
