import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { bucketOf, mergeSketches, sketchOf } from "../../src/domain/sketch.ts"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { sketchOfDigits, sketchOfOne } from "../../src/layers/postgres/latencies.ts"

const Latency = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_147_483_647 }))
const Latencies = Schema.Array(Latency).check(Schema.isMaxLength(30))

layer(DatabasePglite.layerMemory, { timeout: "60 seconds" })("sketches as numbers", (it) => {
  it.effect.prop("add up as sketches merge", { some: Latencies, more: Latencies }, ({ some, more }) =>
    Effect.gen(function* () {
      const { read: sql } = yield* Database
      const buckets = [...some, ...more].map(bucketOf).join(",")
      const [row] = yield* sql<{ readonly digits: string }>`
        SELECT coalesce(sum(${sql.literal(sketchOfOne("bucket"))}), 0)::text AS digits
        FROM unnest(${`{${buckets}}`}::text::smallint[]) AS of (bucket)`
      assert.deepStrictEqual(sketchOfDigits(row!.digits), mergeSketches(sketchOf(some), sketchOf(more)))
    })
  )

  it("have room for a trillion in each bucket", () => {
    assert.deepStrictEqual(sketchOfDigits(`7${"0".repeat(12)}${"9".repeat(12)}`), {
      buckets: [-1, 1],
      counts: [999_999_999_999, 7]
    })
  })
})
