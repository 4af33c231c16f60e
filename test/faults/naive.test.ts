import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { naive } from "./naive/kit.ts"
import { play } from "./play.ts"
import * as clients from "./scenarios/clients.ts"
import * as postgres from "./scenarios/postgres.ts"
import * as redis from "./scenarios/redis.ts"
import * as workers from "./scenarios/workers.ts"
import type { Scenario } from "./world.ts"

/** Quick ones, which between them need each of the service's safeguards. */
const played: ReadonlyArray<Scenario> = [
  redis.apiKilledBeforeEnqueue,
  workers.killedInMidCall,
  workers.killedAfterClaim,
  workers.killedBeforeCommit,
  workers.zombie,
  redis.redisKilled,
  redis.flushedUnderLoad,
  redis.redisDown,
  redis.redisFull,
  postgres.connectionsUsedUp,
  workers.poison,
  redis.enqueuedFiveTimes,
  clients.sameKeys
]
const AT_LEAST = 8
/** Executions that never end, calls without leave, and changes after the end. */
const BROKEN = ["I1", "I3", "I4"]
/** What is stuck now will be stuck later. */
const DEADLINE = 12_000

it.live("the naive worker is caught", ({ task }) =>
  Effect.gen(function* () {
    const reports = yield* Effect.forEach(
      played,
      (scenario) =>
        Effect.tap(play({ ...scenario, deadline: DEADLINE }, naive), ({ number, seconds, violations }) =>
          Effect.sync(() => {
            const [first = "not caught"] = violations
            console.log(`naive ${number}: ${seconds.toFixed(1)} s, ${first.split("\n")[0]}`)
          })
        ),
      { concurrency: 4 }
    )
    const numbers = (of: typeof reports) => of.map(({ number }) => number).toSorted((a, b) => a - b)
    const caught = reports.filter(({ violations }) => violations.length > 0)
    const missed = reports.filter(({ violations }) => violations.length === 0)
    task.meta.naive = { caught: numbers(caught), missed: numbers(missed) }
    assert.isAtLeast(caught.length, AT_LEAST)

    // So that what is checked from outside can be seen to find something.
    const violated = caught.flatMap(({ violations }) => violations.map((violation) => violation.slice(0, 2)))
    assert.includeMembers(violated, BROKEN)
  })
)
