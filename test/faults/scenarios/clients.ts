import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { Scenario } from "../world.ts"

const KEYS = 50
const PARALLEL = 40

export const sameKeys: Scenario = {
  number: 26,
  name: "50 keys, each submitted 40 times at once",
  deadline: 30_000,
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    yield* world.startApi()
    yield* world.startWorkers(2)
    const submissions = Array.from({ length: KEYS }, () => world.newSubmission())
    for (const submission of submissions) {
      yield* Effect.all(
        Array.from({ length: PARALLEL }, () => world.client.submit(submission)),
        { concurrency: "unbounded" }
      )
    }
    yield* world.settled()
    assert.isTrue(world.client.exchanges.every(({ status }) => status < 300))
    assert.lengthOf(yield* world.ledger.executions, KEYS)
    assert.lengthOf(world.provider.calls, KEYS)
    for (const submission of submissions) {
      const { body, status } = yield* world.client.submit(submission)
      assert.isBelow(status, 300)
      assert.strictEqual(body.status, "succeeded")
    }
    assert.lengthOf(world.provider.calls, KEYS)
  })
}
