import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { sha256 } from "../../src/domain/checksum.ts"
import { Held } from "../../src/services/Held.ts"
import { PromptCache } from "../../src/services/PromptCache.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import type { ResolvedPrompt } from "../../src/services/PromptStore.ts"
import { Templates } from "../../src/services/Templates.ts"
import { PROJECT } from "../support/ledger.ts"

const LARGE = "x".repeat(200_000)

describe("what a cache holds", () => {
  it("is bounded in number and size: what was used longest ago goes", () => {
    const held = new Held<string>({ entries: 3, size: 10 })
    for (const key of ["a", "b", "c"]) assert.deepStrictEqual(held.set(key, key, 1), [])
    assert.strictEqual(held.get("a"), "a")
    assert.deepStrictEqual(held.set("d", "d", 1), ["b"])
    assert.isUndefined(held.get("b"))
    assert.deepStrictEqual(held.set("d", "larger", 9), ["c"])
    assert.strictEqual(held.get("d"), "larger")
    held.delete("d")
    held.delete("d")
    assert.deepStrictEqual(held.set("e", "e", 9), [])
    assert.deepStrictEqual(held.set("f", "too large", 11), ["a", "e", "f"])
  })

  it.effect("of prompts is 64 Mi characters of templates", () => {
    const asked: Array<string> = []
    const resolved = { prompt: {}, version: Option.some({ template_source: LARGE }) } as ResolvedPrompt
    const store = Layer.mock(PromptStore, {
      resolve: (_, name) => Effect.sync(() => (asked.push(name), Option.some(resolved)))
    })
    return Effect.gen(function* () {
      const cache = yield* PromptCache
      for (let prompt = 0; prompt < 400; prompt++) yield* cache.active(PROJECT, `${prompt}`)
      asked.length = 0
      for (let prompt = 399; prompt >= 0; prompt--) yield* cache.active(PROJECT, `${prompt}`)
      assert.deepStrictEqual(
        asked,
        Array.from({ length: 65 }, (_, index) => `${64 - index}`)
      )
    }).pipe(Effect.provide(PromptCache.layer.pipe(Layer.provide(store))))
  })

  it.effect("of compiled templates is 128 MiB, as their nodes take it", () =>
    Effect.gen(function* () {
      const templates = yield* Templates
      const get = (index: number) => {
        const template_source = `${"{{1}}".repeat(20_000)}${index}`
        return templates.get({ template_source, checksum_hash: sha256(template_source) })
      }
      const first = yield* get(0)
      for (let other = 1; other < 8; other++) yield* get(other)
      assert.strictEqual(yield* get(0), first)
      for (let other = 1; other < 9; other++) yield* get(other)
      assert.notStrictEqual(yield* get(0), first)
    }).pipe(Effect.provide(Templates.layer))
  )
})
