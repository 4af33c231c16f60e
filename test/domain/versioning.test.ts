import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { sha256 } from "../../src/domain/checksum.ts"
import { VersionId } from "../../src/domain/Ids.ts"
import type { PromptVersion } from "../../src/domain/Prompt.ts"
import {
  checkTemplateHash,
  decidedNumber,
  decideVersion,
  versionChange
} from "../../src/domain/versioning.ts"

/** A prompt's history as the rules make it: contents arrive one after another, some to be made active. */
const Arrivals = Schema.Array(
  Schema.Struct({ content: Schema.Literals(["a", "b", "c", "d"]), activate: Schema.Boolean })
)

const replay = (arrivals: typeof Arrivals.Type) => {
  const versions: Array<PromptVersion> = []
  let active: PromptVersion | undefined
  const decisions = arrivals.map(({ content, activate }) => {
    const checksum_hash = sha256(content)
    const same = versions.find((version) => version.checksum_hash === checksum_hash)
    const facts = { same, active, latest_number: versions.length }
    const decision = decideVersion(facts, activate)
    if (decision._tag === "Create") {
      const version: PromptVersion = {
        version_id: VersionId.make(crypto.randomUUID()),
        version_number: decision.version_number,
        status: "draft",
        checksum_hash,
        created_by: null,
        created_at: new Date(0)
      }
      versions.push(version)
      if (decision.activate) active = version
    } else if (decision._tag === "Reuse") active = decision.version
    return { facts, decision, content, active }
  })
  return { versions, decisions }
}

describe("versioning", () => {
  it.effect.prop("hashes the UTF-8 bytes of the template, in lowercase hex", [Schema.String], ([text]) =>
    Effect.gen(function* () {
      const digest = yield* Effect.promise(() =>
        crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))
      )
      assert.strictEqual(sha256(text), Buffer.from(digest).toString("hex"))
    })
  )

  it("has the hash that everybody else computes", () => {
    assert.strictEqual(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    assert.strictEqual(sha256("Héllo 🙂"), "3c822a651a50fc26222c9cd959c04fa54cd32759789fd658bb1ab70257edccc7")
  })

  it.effect.prop("numbers versions 1, 2, 3 … with one version for each content", [Arrivals], ([arrivals]) =>
    Effect.sync(() => {
      const { versions } = replay(arrivals)
      assert.deepStrictEqual(
        versions.map(({ version_number }) => version_number),
        versions.map((_, index) => index + 1)
      )
      assert.strictEqual(new Set(versions.map(({ checksum_hash }) => checksum_hash)).size, versions.length)
    })
  )

  it.effect.prop(
    "makes the content that was to be active the active one, whatever came before",
    [Arrivals],
    ([arrivals]) =>
      Effect.sync(() => {
        const { decisions } = replay(arrivals)
        for (const [index, { active, content, facts, decision }] of decisions.entries()) {
          if (arrivals[index]!.activate) assert.strictEqual(active?.checksum_hash, sha256(content))
          else assert.strictEqual(active, facts.active)
          if (decision._tag === "Keep") assert.strictEqual(active, facts.active)
        }
      })
  )

  it.effect.prop("tells a change exactly when the content is not the active one", [Arrivals], ([arrivals]) =>
    Effect.sync(() => {
      for (const { facts, decision, content } of replay(arrivals).decisions) {
        const change = versionChange(facts, decision)
        assert.strictEqual(change === "created", facts.same === undefined)
        assert.strictEqual(change === "unchanged", facts.active?.checksum_hash === sha256(content))
        assert.strictEqual(decidedNumber(decision), facts.same?.version_number ?? facts.latest_number + 1)
      }
    })
  )

  it.effect("refuses a hash that is not the template's, and none given is no hash", () =>
    Effect.gen(function* () {
      const [right, wrong] = [sha256("right"), sha256("wrong")]
      yield* checkTemplateHash("name", undefined, right)
      yield* checkTemplateHash("name", right, right)
      const error = yield* Effect.flip(checkTemplateHash("name", wrong, right))
      assert.include(error, {
        _tag: "TemplateHashMismatch",
        prompt_name: "name",
        expected: wrong,
        actual: right
      })
    })
  )
})
