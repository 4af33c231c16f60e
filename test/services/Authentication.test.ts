import { assert, layer } from "@effect/vitest"
import { Clock, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { sha256 } from "../../src/domain/checksum.ts"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { layerMigrated } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import { Authentication, newKey } from "../../src/services/Authentication.ts"
import { KeyStore } from "../../src/services/KeyStore.ts"
import { PROJECT } from "../support/ledger.ts"
import { turn, until } from "../support/service.ts"

const service = Authentication.layer.pipe(
  Layer.provideMerge(layerStores),
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
      assert.match(key, /^pl_[A-Za-z0-9_-]{38}$/)
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

  it.effect("remembers no key for longer than it is valid", () =>
    Effect.gen(function* () {
      const store = yield* KeyStore
      const key_hash = sha256("short")
      const expires_at = new Date((yield* Clock.currentTimeMillis) + 1_000)
      yield* store.insert({ project_id: PROJECT, name: "short", key_hash, scopes: ["admin"], expires_at })
      assert.isTrue(Option.isSome(yield* opens("short")))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isNone(yield* opens("short")))
    })
  )

  it.effect("forgets it within five seconds also where looking it up took long", () =>
    Effect.gen(function* () {
      const { configure } = yield* Authentication
      yield* configure(Redacted.make("slow"))
      const { find } = yield* KeyStore
      const found = yield* find(sha256("slow"))
      let revoked = false
      // As long as a database may take, and revoked meanwhile.
      const slow = Layer.mock(KeyStore, {
        find: () => (revoked ? Effect.succeedNone : Effect.delay(Effect.succeed(found), "1500 millis")),
        used: () => Effect.void
      })
      yield* Effect.gen(function* () {
        const opening = yield* Effect.forkChild(opens("slow"), { startImmediately: true })
        revoked = true
        yield* TestClock.adjust("1500 millis")
        assert.isTrue(Option.isSome(yield* Fiber.join(opening)))
        yield* TestClock.adjust("3500 millis")
        assert.isTrue(Option.isNone(yield* opens("slow")))
      }).pipe(Effect.provide(Layer.fresh(Authentication.layer).pipe(Layer.provide(slow))))
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

  it.effect("slows down an address that tries invalid keys, and no other, and lets valid ones through", () =>
    Effect.gen(function* () {
      const { authenticate, configure } = yield* Authentication
      yield* configure(Redacted.make("valid"))
      const tries = (key: string, address: string) =>
        Effect.match(authenticate(Redacted.make(key), address), {
          onFailure: ({ _tag }) => _tag,
          onSuccess: () => "opened"
        })
      for (let tried = 0; tried < 20; tried++) {
        assert.strictEqual(yield* tries(`wrong ${tried}`, "here"), "InvalidApiKey")
      }
      const many = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 150 }, (_, tried) => tries(tried === 50 ? "valid" : `more ${tried}`, "here")),
          { concurrency: "unbounded" }
        )
      )
      yield* until(Effect.map(TestClock.adjust("10 millis"), () => many.pollUnsafe() !== undefined))
      const answers = yield* Fiber.join(many)
      assert.lengthOf(
        answers.filter((answer) => answer === "TooManyInvalidKeys"),
        149
      )
      assert.strictEqual(answers[50], "opened")
      assert.strictEqual(yield* tries("valid", "here"), "opened")
      assert.strictEqual(yield* tries("wrong", "there"), "InvalidApiKey")
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* tries("wrong", "here"), "InvalidApiKey")
    })
  )

  it.effect("lets a key that opened before through at once, however many invalid ones wait", () =>
    Effect.gen(function* () {
      const { authenticate, configure } = yield* Authentication
      yield* configure(Redacted.make("used"))
      const tries = (key: string) =>
        Effect.match(authenticate(Redacted.make(key), "proxy"), {
          onFailure: ({ _tag }) => _tag,
          onSuccess: () => "opened"
        })
      assert.strictEqual(yield* tries("used"), "opened")
      for (let tried = 0; tried < 20; tried++) yield* tries(`wrong ${tried}`)
      const line = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 100 }, (_, tried) => tries(`more ${tried}`)),
          { concurrency: "unbounded" }
        ),
        { startImmediately: true }
      )
      assert.strictEqual(yield* tries("one too many"), "TooManyInvalidKeys")
      // By now what was known of the key is forgotten.
      yield* TestClock.setTime((yield* Clock.currentTimeMillis) + 5_000)
      assert.strictEqual(yield* tries("used"), "opened")

      yield* configure(Redacted.make("another"))
      yield* TestClock.setTime((yield* Clock.currentTimeMillis) + 5_000)
      assert.strictEqual(yield* tries("used"), "InvalidApiKey")
      yield* Fiber.interrupt(line)
    })
  )

  it.effect("goes by the hash, whatever a store finds for it", () =>
    Effect.gen(function* () {
      const { configure } = yield* Authentication
      yield* configure(Redacted.make("mine"))
      const { find } = yield* KeyStore
      const found = yield* find(sha256("mine"))
      // As a store does that compares without regard to case.
      const careless = Layer.mock(KeyStore, { find: () => Effect.succeed(found) })
      const opened = opens("another").pipe(
        Effect.provide(Layer.fresh(Authentication.layer).pipe(Layer.provide(careless)))
      )
      assert.isTrue(Option.isNone(yield* opened))
    })
  )

  it.effect("notes the use of a key once for all who come with it at the same time", () => {
    let noted = 0
    return Effect.gen(function* () {
      const { configure } = yield* Authentication
      yield* configure(Redacted.make("busy"))
      const { find } = yield* KeyStore
      const counting = Layer.mock(KeyStore, { find, used: () => Effect.sync(() => void noted++) })
      const all = Effect.all(
        Array.from({ length: 100 }, () => opens("busy")),
        { concurrency: "unbounded" }
      )
      const opened = yield* Effect.provide(
        Effect.tap(all, turn),
        Layer.fresh(Authentication.layer).pipe(Layer.provide(counting))
      )
      assert.isTrue(opened.every(Option.isSome))
      assert.strictEqual(noted, 1)
    })
  })

  it.effect("asks nobody about a key that was mistyped", () =>
    Effect.gen(function* () {
      const { authenticate } = yield* Authentication
      const key = Redacted.value(yield* newKey)
      const { _tag } = yield* Effect.flip(authenticate(Redacted.make(`${key.slice(0, -1)}!`)))
      assert.strictEqual(_tag, "InvalidApiKey")
      const slip = key.replace(/.$/, (last) => (last === "a" ? "b" : "a"))
      assert.strictEqual((yield* Effect.flip(authenticate(Redacted.make(slip))))._tag, "InvalidApiKey")
    })
  )
})
