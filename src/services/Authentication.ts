import { Cache, Context, Duration, Effect, Exit, Layer, Option, Redacted, Schema, Semaphore } from "effect"
import { randomBytes, timingSafeEqual } from "node:crypto"
import { formatKey, isMistyped, KEY_BYTES } from "../domain/Access.ts"
import type { Principal } from "../domain/Access.ts"
import { sha256 } from "../domain/checksum.ts"
import { Held } from "./Held.ts"
import { KeyStore } from "./KeyStore.ts"
import type { StoredKey } from "./KeyStore.ts"

/** No key was given, or none that may be used. */
export class InvalidApiKey extends Schema.TaggedError<InvalidApiKey>()("InvalidApiKey", {}) {
  override get message(): string {
    return "The key is not valid."
  }
}

/** Too many invalid keys came from one address. */
export class TooManyInvalidKeys extends Schema.TaggedError<TooManyInvalidKeys>()("TooManyInvalidKeys", {
  retry_after: Schema.Duration
}) {
  override get message(): string {
    return "Too many invalid keys came from this address."
  }
}

/**
 * How long a process goes by what it knows of a key. Looking it up takes up to 1.5 s, in which it may be revoked: a
 * revoked key opens for 5 s at most.
 */
const KEY_REMEMBERED = Duration.millis(3_500)
const KEYS_REMEMBERED = 10_000

/** A key's use is noted when the last one noted is older. */
const USE_NOTED = Duration.minutes(1)

/** Invalid keys that an address may try in this time. After that its keys are looked up one by one, at this pace. */
const TRIES = 20
const TRIES_COUNTED = Duration.minutes(1)
const PACE = Duration.millis(10)
/** Look-ups that such an address may have in line; what comes on top is refused unseen. */
const LINE = 100
const ADDRESSES_REMEMBERED = 10_000

/** What is known of an address that gave an invalid key. */
class Tries {
  failed = 0
  waiting = 0
  readonly line = Semaphore.makeUnsafe(1)
}

/** A new key. It is shown once and kept as a hash. */
export const newKey = Effect.sync(() => Redacted.make(formatKey(randomBytes(KEY_BYTES))))

/** Tells who asks by the API key. Of a key only its SHA-256 hash is kept, and hashes are compared in constant time. */
export class Authentication extends Context.Service<
  Authentication,
  {
    /**
     * Who has the key. An address that tries many invalid ones is slowed down and told so; a valid key is let through
     * all the same, since behind a proxy many callers have one address, and at once if it opened here before.
     */
    readonly authenticate: (
      key: Redacted.Redacted,
      address?: string
    ) => Effect.Effect<Principal, InvalidApiKey | TooManyInvalidKeys>
    /** Makes this process look the key of that hash up again. */
    readonly forget: (key_hash: string) => Effect.Effect<void>
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
      const scope = yield* Effect.scope

      const noteUse = Effect.fnUntraced(function* ({ key_id, last_used_at }: StoredKey) {
        const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
        if (last_used_at !== null && now - last_used_at.getTime() < Duration.toMillis(USE_NOTED)) return
        yield* Effect.forkIn(Effect.ignoreCause(store.used(key_id)), scope)
      })

      /** What the store has under a hash; its use is noted here, once for all who come with the key at the same time. */
      const lookUp = (key_hash: string) =>
        store
          .find(key_hash)
          .pipe(
            Effect.map(Option.filter((stored) => sameHash(stored.key_hash, key_hash))),
            Effect.tap(Option.match({ onNone: () => Effect.void, onSome: noteUse }))
          )

      const known = yield* Cache.makeWith(lookUp, {
        capacity: KEYS_REMEMBERED,
        timeToLive: Exit.match({
          onFailure: () => Duration.zero,
          onSuccess: Option.match({
            onNone: () => Duration.zero,
            onSome: ({ expires_in_ms }) =>
              Duration.min(KEY_REMEMBERED, Duration.millis(expires_in_ms ?? Infinity))
          })
        })
      })
      /** The hashes of keys that opened here. Such a key is no guess: it waits in no line, however many guesses do. */
      const opened = new Held<true>({ entries: KEYS_REMEMBERED, size: KEYS_REMEMBERED })
      const tries = yield* Cache.make({
        capacity: ADDRESSES_REMEMBERED,
        timeToLive: TRIES_COUNTED,
        lookup: (_: string) => Effect.sync(() => new Tries())
      })

      const find = Effect.fnUntraced(function* (key: string, key_hash: string) {
        if (isMistyped(key)) return yield* new InvalidApiKey()
        const found = yield* Cache.get(known, key_hash)
        if (Option.isNone(found)) {
          opened.delete(key_hash)
          return yield* new InvalidApiKey()
        }
        opened.set(key_hash, true, 1)
        return found.value
      })

      const findPaced = (tried: Tries, key: string, key_hash: string) =>
        Effect.acquireUseRelease(
          Effect.sync(() => tried.waiting++),
          (before) =>
            before >= LINE
              ? new InvalidApiKey()
              : tried.line.withPermit(Effect.andThen(Effect.sleep(PACE), find(key, key_hash))),
          () => Effect.sync(() => tried.waiting--)
        )

      const findFrom = Effect.fnUntraced(function* (address: string, key: string, key_hash: string) {
        const tried = yield* Cache.getOption(tries, address)
        if (Option.isNone(tried) || tried.value.failed < TRIES || opened.get(key_hash)) {
          return yield* Effect.tapError(find(key, key_hash), () =>
            Effect.map(Cache.get(tries, address), (one) => one.failed++)
          )
        }
        return yield* Effect.mapError(
          findPaced(tried.value, key, key_hash),
          () => new TooManyInvalidKeys({ retry_after: TRIES_COUNTED })
        )
      })

      return Authentication.of({
        authenticate: (redacted, address = "") => {
          const key = Redacted.value(redacted)
          if (key === "") return new InvalidApiKey()
          const key_hash = sha256(key)
          return Effect.flatMap(Cache.getSuccess(known, key_hash), (remembered) => {
            const stored = Option.getOrUndefined(Option.flatten(remembered))
            return stored !== undefined
              ? Effect.succeed(principalOf(stored))
              : Effect.map(findFrom(address, key, key_hash), principalOf)
          })
        },
        forget: (key_hash) => Cache.invalidate(known, key_hash),
        configure: (key) => store.configure(sha256(Redacted.value(key))),
        first: Effect.gen(function* () {
          const key = yield* newKey
          return (yield* store.first(sha256(Redacted.value(key)))) ? Option.some(key) : Option.none()
        })
      })
    })
  )
}

const principalOf = ({ key_id, project_id, scopes }: StoredKey): Principal => ({ key_id, project_id, scopes })

const sameHash = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a), Buffer.from(b))
