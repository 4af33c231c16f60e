import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { cpuSeconds, runProgram } from "./processes.ts"
import type { Ground } from "./ground.ts"
import type { Progress } from "./progress.ts"
import type { Request } from "./send.ts"

/** For how long, or how many. */
export type Extent = { readonly duration: number } | { readonly amount: number }

/** What came of requests in a closed loop. */
export interface Sample {
  readonly requests: number
  /** Those that were under way when time was up included: they were carried out too. */
  readonly sent: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Microseconds of the server's CPU for each. */
  readonly cpu: number
  /** The part of a core that the server was busy: below 1, something else held it up. */
  readonly busy: number
}

export interface Outcome {
  readonly requests: number
  readonly sent: number
  readonly seconds: number
  readonly p50: number
  readonly p99: number
  /** Seconds of CPU that sending took. */
  readonly cpu: number
}

/** Connections of the load generator, where nothing else is said: as many rows as a batch of the limit has. */
export const CONNECTIONS = 64

/** Sends the same request over and over in a closed loop; of several, each to its own part of the connections. */
export const fire = Effect.fnUntraced(function* (
  requests: ReadonlyArray<Request>,
  extent: Extent,
  connections = CONNECTIONS
) {
  const { method = "GET", headers = {}, body } = requests[0]!
  const url = requests.map((request) => request.url)
  const options = { url, method, headers, body, connections, ...extent }
  const outcome = yield* runProgram<
    Omit<Outcome, "sent"> & { readonly errors: number; readonly non2xx: number }
  >("load/main.ts", {}, [JSON.stringify(options)])
  const { errors, non2xx } = outcome
  if (errors + non2xx > 0 || outcome.requests === 0) {
    return yield* Effect.die(
      new Error(
        `${method} ${url}: of ${outcome.requests} requests ${errors} broke and ${non2xx} were refused`
      )
    )
  }
  const sent = "duration" in extent ? outcome.requests + connections : outcome.requests
  return { ...outcome, sent } as Outcome
})

/** The same, and what it costs the server, which is the process `pid`. */
export const load = Effect.fnUntraced(function* (
  pid: number,
  request: Request,
  extent: Extent,
  connections = CONNECTIONS
) {
  const before = cpuSeconds(pid)
  const { requests, sent, seconds, p50, p99 } = yield* fire([request], extent, connections)
  const cpu = cpuSeconds(pid) - before
  const sample: Sample = {
    requests,
    sent,
    perSecond: requests / seconds,
    p50,
    p99,
    cpu: (cpu * 1e6) / requests,
    busy: cpu / seconds
  }
  return sample
})

/** Sends a ledger so many of each of its hot requests, for the sake of the compilers, and of the heap that takes its size. */
export const warmUp = Effect.fnUntraced(function* (
  { pid, requests }: { readonly pid: number; readonly requests: ReturnType<Ground["requests"]> },
  execution_id: string,
  amount: number
) {
  for (const request of [requests.read, requests.poll(execution_id), requests.run, requests.submit]) {
    yield* load(pid, request, { amount })
  }
})

/** Sees to it that there is a load generator, or dies. */
export const requireLoad = Effect.fnUntraced(function* (progress: Progress) {
  yield* progress("npm ci of the load generator")
  if (!installed("load")) return yield* Effect.die(new Error("bench/load can't be installed"))
})

/** Installs what a folder of this one locks, unless it is there. False where the registry can't be reached. */
export const installed = (folder: "load" | "peers"): boolean => {
  const cwd = join(import.meta.dirname, folder)
  if (existsSync(join(cwd, "node_modules"))) return true
  const args = ["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
  return spawnSync("npm", args, { cwd, stdio: "inherit", timeout: 120_000 }).status === 0
}
