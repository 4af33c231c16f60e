import { Array, Effect, Layer, Option, Struct } from "effect"
import { ApiKey, CONFIGURED_KEY } from "../../domain/Access.ts"
import type { Project } from "../../domain/Access.ts"
import { DEFAULT_PROJECT_ID } from "../../domain/Ids.ts"
import type { KeyId, ProjectId } from "../../domain/Ids.ts"
import { KeyStore } from "../../services/KeyStore.ts"
import type { NewKey, StoredKey } from "../../services/KeyStore.ts"
import { NewId } from "../../services/NewId.ts"
import type { PageRequest } from "../../services/Page.ts"
import { columnsOf } from "./columns.ts"
import { Database } from "./Database.ts"

/** The name of the key that the service makes itself. */
const FIRST = "first start"

const keyColumns = Struct.keys(ApiKey.fields)

/** `KeyStore` over PostgreSQL, a server's or PGlite's. */
export const layer = Layer.effect(
  KeyStore,
  Effect.gen(function* () {
    const { read, write, reading, writing, now } = yield* Database
    const newId = yield* NewId
    const columns = write.literal(keyColumns.join(", "))

    const selectKey = Effect.fnUntraced(function* (key_hash: string) {
      const time = yield* now
      return yield* read<StoredKey>`
        SELECT key_id, project_id, scopes, key_hash, last_used_at,
          extract(epoch FROM expires_at - ${time})::float8 * 1000 AS expires_in_ms
        FROM api_keys
        WHERE key_hash = ${key_hash} AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ${time})`
    })

    const updateUsed = Effect.fnUntraced(function* (key_id: KeyId) {
      yield* write`UPDATE api_keys SET last_used_at = ${yield* now} WHERE key_id = ${key_id}`
    })

    const insertAdminKey = (name: string, key_hash: string) => write`
      INSERT INTO api_keys (key_id, project_id, name, key_hash, scopes)
      VALUES (${newId()}, ${DEFAULT_PROJECT_ID}, ${name}, ${key_hash}, ARRAY['admin'])
      ON CONFLICT (key_hash) DO UPDATE SET project_id = EXCLUDED.project_id, name = EXCLUDED.name,
        scopes = EXCLUDED.scopes, expires_at = NULL, revoked_at = NULL`

    const configureKey = Effect.fnUntraced(function* (key_hash: string) {
      yield* write`
        WITH replaced AS (
          UPDATE api_keys SET revoked_at = ${yield* now}
          WHERE project_id = ${DEFAULT_PROJECT_ID} AND name = ${CONFIGURED_KEY} AND key_hash <> ${key_hash}
            AND revoked_at IS NULL
        )
        ${insertAdminKey(CONFIGURED_KEY, key_hash)}`
    })

    const lockKeys = write`LOCK TABLE api_keys IN SHARE ROW EXCLUSIVE MODE`
    const selectAny = write`SELECT FROM api_keys LIMIT 1`

    /** A row without a key when the project has none, or none after the position. */
    const selectKeys = (project_id: ProjectId, { after, limit }: PageRequest<KeyId>) => read<
      ApiKey | { readonly key_id: null }
    >`
      SELECT ${read.literal(columnsOf("k", keyColumns))}
      FROM projects p
      LEFT JOIN api_keys k ON k.project_id = p.project_id
        ${after === undefined ? read.literal("") : read`AND k.key_id < ${after}`}
      WHERE p.project_id = ${project_id}
      ORDER BY k.key_id DESC LIMIT ${limit}`

    const insertKey = Effect.fnUntraced(function* ({
      project_id,
      name,
      key_hash,
      scopes,
      expires_at
    }: NewKey) {
      return yield* write<ApiKey>`
        INSERT INTO api_keys (key_id, project_id, name, key_hash, scopes, expires_at, created_at)
        SELECT ${newId()}, project_id, ${name}, ${key_hash}, ${scopes}::text[], ${expires_at}, ${yield* now}
        FROM projects WHERE project_id = ${project_id}
        RETURNING ${columns}`
    })

    const revokeKey = Effect.fnUntraced(function* (key_id: KeyId, project_id: ProjectId | undefined) {
      return yield* write<{ readonly key_hash: string }>`
        UPDATE api_keys SET revoked_at = coalesce(revoked_at, ${yield* now})
        WHERE key_id = ${key_id} AND ${project_id === undefined ? write`true` : write`project_id = ${project_id}`}
        RETURNING key_hash`
    })

    const selectProjects = (
      project_id: ProjectId | undefined,
      { after, limit }: PageRequest<string>
    ) => read<Project>`
      SELECT project_id, name, created_at FROM projects
      WHERE ${read.and([
        ...(project_id === undefined ? [] : [read`project_id = ${project_id}`]),
        ...(after === undefined ? [] : [read`name > ${after}`])
      ])}
      ORDER BY name LIMIT ${limit}`

    const insertProject = (name: string) => write<Project>`
      INSERT INTO projects (project_id, name) VALUES (${newId()}, ${name})
      ON CONFLICT (name) DO NOTHING RETURNING project_id, name, created_at`

    return KeyStore.of({
      find: (key_hash) => Effect.map(reading(selectKey(key_hash)), Array.head),
      used: (key_id) => writing(updateUsed(key_id)),
      configure: (key_hash) => writing(configureKey(key_hash)),
      first: (key_hash) =>
        Effect.gen(function* () {
          yield* lockKeys
          if ((yield* selectAny).length > 0) return false
          yield* insertAdminKey(FIRST, key_hash)
          return true
        }).pipe(write.withTransaction, writing),
      keys: (project_id, page) =>
        Effect.map(reading(selectKeys(project_id, page)), (rows) =>
          rows.length === 0 ? Option.none() : Option.some(rows.filter((row) => row.key_id !== null))
        ),
      insert: (key) => Effect.map(writing(insertKey(key)), Array.head),
      revoke: (key_id, project_id) =>
        Effect.map(writing(revokeKey(key_id, project_id)), (rows) =>
          Option.map(Array.head(rows), ({ key_hash }) => key_hash)
        ),
      projects: (project_id, page) => reading(selectProjects(project_id, page)),
      insertProject: (name) => Effect.map(writing(insertProject(name)), Array.head)
    })
  })
)
