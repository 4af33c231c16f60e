import { Effect } from "effect"
import { assert, describe, it } from "vitest"
import { play } from "./play.ts"
import { scenarios } from "./scenarios/index.ts"
import { service } from "./world.ts"

describe.concurrent("faults", () => {
  it.for(scenarios)("$number: $name", async (scenario, { task }) => {
    const report = await Effect.runPromise(play(scenario, service))
    task.meta.report = report
    assert.deepStrictEqual(report.violations, [])
  })
})
