import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { inOrder } from "../../src/domain/retention.ts"

describe("the bounds of retention", () => {
  it("are in order when executions are kept at least as long as their bodies", () => {
    const [day, week] = [Duration.days(1), Duration.days(7)]
    for (const bounds of [
      {},
      { bodies: week },
      { executions: day },
      { bodies: day, executions: day },
      { bodies: day, executions: week }
    ]) {
      assert.isTrue(inOrder(bounds))
    }
    assert.isFalse(inOrder({ bodies: week, executions: day }))
  })
})
