import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { administers, formatKey, hasScope, isMistyped, KEY_BYTES, Scope } from "../../src/domain/Access.ts"
import { DEFAULT_PROJECT_ID, KeyId, ProjectId } from "../../src/domain/Ids.ts"

const Random = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))).check(
  Schema.isBetweenLength(KEY_BYTES, KEY_BYTES)
)
const Place = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 37 }))
const Slip = Schema.Literals(["a", "Z", "9", "_", "-"])

describe("a key", () => {
  it.effect.prop(
    "is pl_, 192 random bits and a checksum that a slip does not pass",
    [Random, Place, Slip],
    ([random, at, slip]) =>
      Effect.sync(() => {
        const key = formatKey(Uint8Array.from(random))
        assert.match(key, /^pl_[\w-]{38}$/)
        assert.isFalse(isMistyped(key))
        const mistyped = key.slice(0, 3 + at) + slip + key.slice(4 + at)
        assert.strictEqual(isMistyped(mistyped), mistyped !== key)
      })
  )

  it("may be any other text, when it was configured", () => {
    for (const key of ["", "a-key-for-the-tests", "pl_", `pl_${"a".repeat(37)}`, `pl_${"a".repeat(39)}`]) {
      assert.isFalse(isMistyped(key), key)
    }
  })
})

describe("scopes", () => {
  it("hold for what they name, and admin for all", () => {
    for (const scope of Scope.literals) {
      for (const other of Scope.literals) {
        assert.strictEqual(hasScope({ scopes: [scope] }, other), scope === other || scope === "admin")
      }
      assert.isFalse(hasScope({ scopes: [] }, scope))
    }
  })

  it("reach as far as a project; of an admin of `default`, everywhere", () => {
    const principal = (project_id: ProjectId) => ({
      key_id: KeyId.make(crypto.randomUUID()),
      project_id,
      scopes: ["admin"] as const
    })
    const [one, two] = [ProjectId.make(crypto.randomUUID()), ProjectId.make(crypto.randomUUID())]
    assert.isTrue(administers(principal(one), one))
    assert.isFalse(administers(principal(one), two))
    assert.isFalse(administers(principal(one), DEFAULT_PROJECT_ID))
    assert.isTrue(administers(principal(DEFAULT_PROJECT_ID), two))
  })
})
