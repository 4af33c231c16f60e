import { assert, describe } from "@effect/vitest"
import type { Vitest } from "@effect/vitest"
import { Effect, Option } from "effect"
import { sha256 } from "../../src/domain/checksum.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { KeyStore } from "../../src/services/KeyStore.ts"
import { DatabaseClock } from "../support/database.ts"
import { PROJECT } from "../support/ledger.ts"

export const keyStoreContract = (it: Vitest.MethodsNonLive<KeyStore | Database | DatabaseClock>) =>
  describe("KeyStore", () => {
    it.effect("makes the first key once, however many ask for it", () =>
      Effect.gen(function* () {
        const store = yield* KeyStore
        const { write } = yield* Database
        yield* write`DELETE FROM api_keys`
        const hashes = Array.from({ length: 6 }, (_, index) => sha256(`first ${index}`))
        const made = yield* Effect.forEach(hashes, store.first, { concurrency: "unbounded" })
        assert.lengthOf(made.filter(Boolean), 1)
        const key = Option.getOrThrow(yield* store.find(hashes[made.indexOf(true)]!))
        assert.strictEqual(key.project_id, PROJECT)
        assert.isTrue(Option.isNone(yield* store.find(hashes[made.indexOf(false)]!)))
      })
    )

    it.effect("puts a newly configured key in the place of the one before it, and back again", () =>
      Effect.gen(function* () {
        const store = yield* KeyStore
        const [one, two] = [sha256("configured one"), sha256("configured two")]
        const valid = Effect.map(Effect.forEach([one, two], store.find), (found) => found.map(Option.isSome))
        yield* store.configure(one)
        yield* store.configure(one)
        assert.deepStrictEqual(yield* valid, [true, false])
        yield* store.configure(two)
        assert.deepStrictEqual(yield* valid, [false, true])
        yield* store.configure(one)
        assert.deepStrictEqual(yield* valid, [true, false])
      })
    )

    it.effect("leaves the keys of others be when another is configured, whatever their names", () =>
      Effect.gen(function* () {
        const store = yield* KeyStore
        const project = Option.getOrThrow(yield* store.insertProject("configures nothing"))
        const key_hash = sha256("theirs")
        const theirs = { project_id: project.project_id, name: "API_KEY", key_hash, expires_at: null }
        yield* store.insert({ ...theirs, scopes: ["admin"] })
        yield* store.configure(sha256("configured three"))
        assert.isTrue(Option.isSome(yield* store.find(key_hash)))
      })
    )

    it.effect("makes the configured key an admin of the default project, whatever it was", () =>
      Effect.gen(function* () {
        const store = yield* KeyStore
        const { project_id } = Option.getOrThrow(yield* store.insertProject("had the key"))
        const key_hash = sha256("theirs, then ours")
        const expires_at = new Date(Date.now() + 60_000)
        yield* store.insert({ project_id, name: "one", key_hash, scopes: ["prompts:read"], expires_at })
        yield* store.configure(key_hash)
        assert.deepInclude(Option.getOrThrow(yield* store.find(key_hash)), {
          project_id: PROJECT,
          scopes: ["admin"],
          expires_in_ms: null
        })
      })
    )

    it.effect("finds no key that has expired", () =>
      Effect.gen(function* () {
        const store = yield* KeyStore
        const clock = yield* DatabaseClock
        const { write, now } = yield* Database
        const hash = sha256("expiring")
        yield* write`
          INSERT INTO api_keys (key_id, project_id, name, key_hash, scopes, expires_at)
          VALUES (${crypto.randomUUID()}, ${PROJECT}, 'expiring', ${hash}, ARRAY['admin'], ${yield* now} + interval '1 hour')`
        assert.isTrue(Option.isSome(yield* store.find(hash)))
        yield* clock.advance("2 hours")
        assert.isTrue(Option.isNone(yield* store.find(hash)))
      })
    )
  })
