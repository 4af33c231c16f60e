import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { sha256 } from "../../src/domain/checksum.ts"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { layerMigrated } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import { Authentication } from "../../src/services/Authentication.ts"
import { PROJECT } from "../support/ledger.ts"

const service = Authentication.layer.pipe(
  Layer.provide(layerStores),
  Layer.provideMerge(layerMigrated(DatabasePglite.layerMemory))
)
const opens = (key: string) =>
  Authentication.use(({ authenticate }) => authenticate(Redacted.make(key))).pipe(
    Effect.map(({ project_id }) => project_id),
    Effect.option
  )

layer(service, { timeout: "60 seconds" })("Authentication", (it) => {
  it.effect("makes one key at the first start, keeps its hash alone, and never makes another", () =>
    Effect.gen(function* () {
      const { first } = yield* Authentication
      const { write: sql } = yield* Database
      const key = Redacted.value(Option.getOrThrow(yield* first))
      assert.match(key, /^pl_[A-Za-z0-9_-]{32}$/)
      assert.isTrue(Option.isNone(yield* first))
      const rows = yield* Effect.orDie(sql`SELECT key_hash, scopes FROM api_keys`)
      assert.deepStrictEqual(rows, [{ key_hash: sha256(key), scopes: ["admin"] }])
      assert.deepStrictEqual(yield* opens(key), Option.some(PROJECT))
      assert.deepStrictEqual(yield* opens(`${key}x`), Option.none())
      assert.deepStrictEqual(yield* opens(""), Option.none())
    })
  )

  it.effect("lets the configured key in, and no longer the one that was configured before", () =>
    Effect.gen(function* () {
      const { configure } = yield* Authentication
      yield* configure(Redacted.make("one"))
      assert.isTrue(Option.isSome(yield* opens("one")))
      yield* configure(Redacted.make("two"))
      assert.isTrue(Option.isSome(yield* opens("two")))
      // What a process knows of a key it goes by for a few seconds.
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(Option.isNone(yield* opens("one")))
      yield* configure(Redacted.make("one"))
      assert.isTrue(Option.isSome(yield* opens("one")))
    })
  )

  it.effect("forgets a key within five seconds of its end", () =>
    Effect.gen(function* () {
      const { configure } = yield* Authentication
      const { write: sql } = yield* Database
      for (const end of ["revoked_at", "expires_at"]) {
        yield* configure(Redacted.make(end))
        assert.isTrue(Option.isSome(yield* opens(end)))
        yield* Effect.orDie(
          sql`UPDATE api_keys SET ${sql(end)} = '1970-01-01' WHERE key_hash = ${sha256(end)}`
        )
        yield* TestClock.adjust("5 seconds")
        assert.isTrue(Option.isNone(yield* opens(end)))
      }
    })
  )

  it.effect("finds a key that is made after it was asked for in vain", () =>
    Effect.gen(function* () {
      const { configure } = yield* Authentication
      assert.isTrue(Option.isNone(yield* opens("later")))
      yield* configure(Redacted.make("later"))
      assert.isTrue(Option.isSome(yield* opens("later")))
    })
  )
})
