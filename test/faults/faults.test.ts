import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { play } from "./play.ts"
import { scenarios } from "./scenarios/index.ts"
import { service } from "./world.ts"

describe.concurrent("faults", () => {
  for (const scenario of scenarios) {
    it.live(`${scenario.number}: ${scenario.name}`, ({ task }) =>
      Effect.gen(function* () {
        const report = yield* play(scenario, service)
        task.meta.report = report
        assert.deepStrictEqual(report.violations, [])
      })
    )
  }
})
