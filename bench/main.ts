/*
 * The benchmark: `npm run bench`, or `npm run bench -- --quick`. It starts everything that it needs, measures the service
 * beside the limits that it cannot beat, and writes the results to `results.json`, `results.svg` and the README's table; with
 * `--quick` to `results.quick.json` alone.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { installed, requireLoad, warmUp } from "./load.ts"
import { withMarked } from "./markdown.ts"
import { picture } from "./picture.ts"
import { makeProgress } from "./progress.ts"
import { reachedOf, results, table } from "./report.ts"
import { round } from "./round.ts"
import type { Plan } from "./round.ts"
import { ask } from "./send.ts"
import { makeWorld } from "./world.ts"

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string" }
  }
})
const { quick } = values
const rounds = Number(values.rounds ?? (quick ? 1 : 3))

const file = (name: string) => join(import.meta.dirname, name)
const README = file("../README.md")

const main = Effect.gen(function* () {
  const started = performance.now()
  const progress = makeProgress()
  yield* requireLoad(progress)
  const withPeers = !quick && installed("peers")
  const plan: Plan = quick
    ? { warmUp: 1_000, duration: 1, executions: 500, repeat: 10, peers: false }
    : { warmUp: 20_000, duration: 3, executions: 10_000, repeat: 30, peers: withPeers }

  yield* progress("PostgreSQL, Redis, a provider and the API")
  const world = yield* makeWorld

  yield* progress("warming up")
  const { execution_id } = yield* ask(world.api.requests.run)
  for (const ledger of [world.framework, world.api]) yield* warmUp(ledger, execution_id, plan.warmUp)
  yield* world.clear

  const all = yield* Effect.forEach(Array.from({ length: rounds }), (_, index) =>
    round(world, plan, (step) => progress(`round ${index + 1} of ${rounds}: ${step}`))
  )

  const reached = reachedOf(all)
  const notes = {
    quick,
    seconds: Math.round((performance.now() - started) / 1_000),
    statements: world.statements.counted
      ? "counted by pg_stat_statements"
      : "not counted: no pg_stat_statements",
    peers: plan.peers ? "measured" : quick ? "left out by --quick" : "left out: the registry was not reached"
  }
  const shown = table(reached)
  console.log(`\n${shown}\n\nPeers: ${notes.peers}. Statements: ${notes.statements}.`)
  const json = `${JSON.stringify(results(all, reached, notes), null, 2)}\n`
  // Only whole runs are kept.
  if (quick) return writeFileSync(file("results.quick.json"), json)
  writeFileSync(file("results.json"), json)
  writeFileSync(file("results.svg"), picture(reached))
  writeFileSync(README, withMarked(readFileSync(README, "utf8"), "bench", shown))
}).pipe(Effect.scoped)

NodeRuntime.runMain(main)
