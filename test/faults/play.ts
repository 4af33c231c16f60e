import { Cause, Effect, Exit } from "effect"
import { checkInvariants } from "./invariants.ts"
import { SEED } from "./seed.ts"
import type { Report } from "./report.ts"
import { makeWorld } from "./world.ts"
import type { Kit, Process, Scenario } from "./world.ts"

const LINES = 60
/** How long the executions of a scenario that has failed may take to end. */
const BRIEFLY = 5_000

const logOf = (process: Process): string =>
  [`--- ${process.role} ${process.pid}`, ...process.output().trimEnd().split("\n").slice(-LINES)].join("\n")

/** Plays a scenario, and checks what must hold after any. The report says what did not. */
export const play = (scenario: Scenario, kit: Kit, seed = SEED): Effect.Effect<Report> =>
  Effect.scoped(
    Effect.gen(function* () {
      const started = Date.now()
      const world = yield* makeWorld(scenario, kit, seed)
      const played = yield* Effect.exit(scenario.play(world))
      const ended = yield* Effect.exit(
        Exit.isSuccess(played) ? world.settled() : world.settled({ deadline: BRIEFLY })
      )
      const checked = yield* Effect.exit(checkInvariants(world))
      const { violations = [], ...counts } = Exit.isSuccess(checked) ? checked.value : {}
      const all = [
        ...[played, ended, checked].flatMap((exit: Exit.Exit<unknown>) =>
          Exit.isFailure(exit) ? [Cause.pretty(exit.cause)] : []
        ),
        ...violations
      ]
      return {
        number: scenario.number,
        name: scenario.name,
        kit: kit.name,
        seed,
        seconds: (Date.now() - started) / 1_000,
        executions: 0,
        lost: 0,
        extraCalls: 0,
        ...counts,
        faults: world.faults.length,
        figures: world.figures,
        notes: world.notes,
        violations: all,
        logs: all.length === 0 ? [] : world.processes.map(logOf)
      }
    })
  )
