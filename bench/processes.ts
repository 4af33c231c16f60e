import { Effect, Schedule } from "effect"
import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { built, startNode } from "../test/support/processes.ts"
import type { Entrypoint, Running } from "../test/support/processes.ts"
import { freePort } from "../test/support/servers.ts"
import { send } from "./send.ts"

/** `src` is imported as it is, and so are the programs of this folder. */
const program = (file: string) => ["--conditions=promptledger-source", join(import.meta.dirname, file)]

/** Starts a program of this folder that serves; killed when the scope closes. */
export const startServer = Effect.fnUntraced(function* (file: string, env: Record<string, string> = {}) {
  const running = yield* startNode(program(file), env)
  const [, url] = yield* running.says(/listens on (http:\/\/[\d.]+:\d+)/)
  return { ...running, url: url! }
})

/** Waits until a process answers with 200, or dies when it ends without. */
export const untilReady = (running: Running, ask: Effect.Effect<{ readonly status: number }, unknown>) =>
  ask.pipe(
    Effect.catch(() => Effect.succeed({ status: 0 })),
    Effect.repeat({ schedule: Schedule.spaced("10 millis"), until: ({ status }) => status === 200 }),
    Effect.raceFirst(
      Effect.flatMap(running.ended, (code) =>
        Effect.die(new Error(`a process ended with ${code}, and said:\n${running.output()}`))
      )
    )
  )

/** Starts a built entrypoint on a port of its own, and gives it when it is ready; killed when the scope closes. */
export const startEntrypoint = Effect.fnUntraced(function* (
  entrypoint: Entrypoint,
  env: Record<string, string>
) {
  const port = String(yield* Effect.promise(freePort))
  const url = `http://127.0.0.1:${port}`
  const running = yield* startNode(built(entrypoint), { PORT: port, WORKER_PORT: port, ...env })
  yield* untilReady(running, send({ url: `${url}/ready` }))
  return { ...running, url }
})

/** Runs a program of this folder to its end, and gives the JSON that it writes. */
export const runProgram = <A>(
  file: string,
  env: Record<string, string> = {},
  args: ReadonlyArray<string> = []
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const running = yield* startNode([...program(file), ...args], env)
      const code = yield* running.ended
      if (code !== 0)
        return yield* Effect.die(new Error(`${file} ended with ${code}, and said:\n${running.output()}`))
      return JSON.parse(running.output().trim().split("\n").at(-1)!) as A
    })
  )

const TICKS = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }))

/** The fields of a process's `stat` from the third on. */
const statOf = (pid: number | string): ReadonlyArray<string> => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
  // The second field, the program's name in brackets, may have blanks.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")
}

const [PARENT, USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM] = [1, 11, 12, 13, 14] as const

const secondsIn = (stat: ReadonlyArray<string>, fields: ReadonlyArray<number>) =>
  fields.reduce((sum, field) => sum + Number(stat[field]), 0) / TICKS

/** The seconds of CPU that a process has used, its threads included. */
export const cpuSeconds = (pid: number): number => secondsIn(statOf(pid), [USER, SYSTEM])

/** The same with its children, those that have ended included: PostgreSQL has one for each connection. */
export const familySeconds = (pid: number): number => {
  const children = readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const stat = statOf(entry)
      return Number(stat[PARENT]) === pid ? [secondsIn(stat, [USER, SYSTEM])] : []
    } catch {
      // It has ended meanwhile.
      return []
    }
  })
  const own = secondsIn(statOf(pid), [USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM])
  return children.reduce((sum, seconds) => sum + seconds, own)
}

/** Resident memory of a process, in megabytes. */
export const megabytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1_024
