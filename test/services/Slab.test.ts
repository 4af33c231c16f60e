import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { Slab } from "../../src/services/Slab.ts"

/** An entry is added, or, by a number, one of those that are there is taken out. */
const Step = Schema.Union([
  Schema.Literal("add"),
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))
])

describe("Slab", () => {
  it.prop(
    "has what was added and not yet taken out, however they come and go",
    { steps: Schema.Array(Step) },
    ({ steps }) => {
      const slab = new Slab<{ readonly id: number }>()
      const there: Array<{ readonly entry: { readonly id: number }; readonly remove: () => boolean }> = []
      steps.forEach((step, id) => {
        if (step === "add") {
          const entry = { id }
          there.push({ entry, remove: slab.add(entry) })
        } else if (there.length > 0) {
          const [{ remove }] = there.splice(step % there.length, 1) as [(typeof there)[number]]
          assert.isTrue(remove())
          assert.isFalse(remove())
        }
        assert.strictEqual(slab.size, there.length)
        assert.sameMembers(
          [...slab.all()],
          there.map(({ entry }) => entry)
        )
      })
    }
  )

  it("uses the places again of what was taken out", () => {
    const slab = new Slab<{ readonly id: number }>()
    const removers = [0, 1, 2].map((id) => slab.add({ id }))
    removers[1]!()
    slab.add({ id: 3 })
    assert.deepStrictEqual(slab.all(), [{ id: 0 }, { id: 3 }, { id: 2 }])
  })
})
