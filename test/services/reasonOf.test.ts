import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { connect } from "node:net"
import type { LookupFunction } from "node:net"
import { reasonOf } from "../../src/services/reasonOf.ts"

/** What a connection fails with to a name that has several addresses, as `localhost` often has. */
const refusedAtEach = Effect.callback<Error>((resume) => {
  const lookup: LookupFunction = (_, __, found) =>
    found(null, [
      { address: "127.0.0.1", family: 4 },
      { address: "127.0.0.2", family: 4 }
    ])
  connect({ host: "localhost", port: 9, lookup }).once("error", (error) => resume(Effect.succeed(error)))
})

describe("the reason of a failure", () => {
  it("is what was said first", () => {
    const first = new Error("no route to host")
    const wrapped = new Error("no statement", { cause: new Error("no connection", { cause: first }) })
    assert.strictEqual(reasonOf(wrapped), "no route to host")
    assert.strictEqual(reasonOf("nothing more is known"), "nothing more is known")
  })

  it.effect("is there too when a name has several addresses", () =>
    Effect.gen(function* () {
      assert.strictEqual(reasonOf(yield* refusedAtEach), "connect ECONNREFUSED 127.0.0.1:9")
    })
  )
})
