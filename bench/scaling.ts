/*
 * What operations cost each part of the service, and what more processes change: `npm run bench:scaling`, or
 * `npm run bench:scaling -- --quick`. It starts everything that it needs, and writes the results to `scaling.json` and the
 * tables of `docs/scaling.md`; with `--quick` to `scaling.quick.json` alone.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { makeGround } from "./ground.ts"
import { requireLoad } from "./load.ts"
import { provenance } from "./machine.ts"
import { withMarked } from "./markdown.ts"
import { makeProgress } from "./progress.ts"
import { medianRows, scalingTables } from "./scalingReport.ts"
import { scalingRound } from "./scalingRound.ts"
import type { ScalingPlan } from "./scalingRound.ts"
import { ask } from "./send.ts"

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" }
  }
})
const { quick } = values
const rounds = Number(values.rounds ?? (quick ? 1 : 3))

const file = (name: string) => join(import.meta.dirname, name)
const PAGE = file("../docs/scaling.md")

const main = Effect.gen(function* () {
  const started = performance.now()
  const progress = makeProgress()
  yield* requireLoad(progress)
  const plan: ScalingPlan = quick
    ? { warmUp: 500, duration: 1, executions: 500 }
    : { warmUp: 10_000, duration: 3, executions: 10_000 }

  yield* progress("PostgreSQL, Redis, a provider and two APIs")
  const ground = yield* makeGround
  const ledgers = [yield* ground.startLedger(), yield* ground.startLedger()]
  yield* ask(ledgers[0]!.requests.put)

  const all = yield* Effect.forEach(Array.from({ length: rounds }), (_, index) =>
    scalingRound(ground, ledgers, plan, (step) => progress(`round ${index + 1} of ${rounds}: ${step}`))
  )

  const rows = medianRows(all)
  const seconds = Math.round((performance.now() - started) / 1_000)
  const made = provenance()
  const tables = scalingTables(rows, { date: made.made_at.slice(0, 10), rounds, seconds })
  console.log(`\n${tables}`)
  const json = `${JSON.stringify({ ...made, quick, rounds, seconds, rows }, null, 2)}\n`
  // Only whole runs are kept.
  if (quick) return writeFileSync(file("scaling.quick.json"), json)
  writeFileSync(file("scaling.json"), json)
  writeFileSync(PAGE, withMarked(readFileSync(PAGE, "utf8"), "scaling", tables))
}).pipe(Effect.scoped)

NodeRuntime.runMain(main)
