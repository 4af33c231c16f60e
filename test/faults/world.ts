import { Effect } from "effect"
import { built, startNode } from "../support/processes.ts"
import type { Entrypoint, Running } from "../support/processes.ts"
import { ownPostgres, ownRedis } from "../support/servers.ts"
import type { OwnServer, PostgresOptions } from "../support/servers.ts"
import { newDatabase } from "../support/database.ts"
import { Redacted } from "effect"
import type { Scope } from "effect"
import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { makeClient } from "./client.ts"
import type { Exchange, Submission } from "./client.ts"
import { eventually } from "./eventually.ts"
import { isTerminal, openLedger } from "./ledger.ts"
import type { ExecutionRow } from "./ledger.ts"
import { makeProvider } from "./provider.ts"
import { openQueue } from "./queue.ts"
import { Random } from "../support/Random.ts"

/** How the processes of a scenario are started: the service's own, or the naive ones. */
export interface Kit {
  readonly name: string
  readonly args: (entrypoint: Entrypoint) => ReadonlyArray<string>
  /** Statements for the database once it is migrated. */
  readonly prepare?: ReadonlyArray<string>
}

export const service: Kit = { name: "service", args: built }

export interface Scenario {
  readonly number: number
  readonly name: string
  /** Beside the fast times that every scenario has. */
  readonly env?: Record<string, string>
  /** For faults of PostgreSQL itself: a server of the scenario's own, with these options. */
  readonly ownPostgres?: Effect.Effect<PostgresOptions, never, Scope.Scope>
  /** How long the executions may take to end once the faults are over, in milliseconds. */
  readonly deadline?: number
  readonly play: (world: World) => Effect.Effect<void, never, Scope.Scope>
}

/** A process of the scenario's. */
export interface Process extends Running {
  readonly role: "api" | "worker"
  readonly url: string
  /** What it kept in memory once it was ready, in megabytes. */
  readonly heap: number
}

interface StartOptions {
  readonly env?: Record<string, string>
  /** Modules of `preload/` that are loaded before the entrypoint. */
  readonly preload?: ReadonlyArray<string>
}

const FAST = {
  LEASE: "4 s",
  HEARTBEAT: "1 s",
  SWEEP: "500 ms",
  GRACE: "500 ms",
  DRAIN: "10 s",
  PROVIDER_TIMEOUT: "20 s",
  LOG_FORMAT: "json",
  // Many processes start, and need not compile the same each time.
  NODE_COMPILE_CACHE: join(import.meta.dirname, "../../node_modules/.cache/faults")
}

/** How long whatever is awaited may take, unless the scenario says otherwise. */
const PATIENCE = 20_000
/** How long a process may take to start on a machine that has much else to do. */
const START = 60_000

const PROMPT = "faults"
const MODEL = { provider: "openai", model_name: "gpt-4o-mini" }

const withPassword = (url: string, password: string) => {
  const parsed = new URL(url)
  if (parsed.password === "") parsed.password = password
  return parsed.href
}

const acquireServer = (start: () => Promise<OwnServer>) =>
  Effect.acquireRelease(Effect.promise(start), (server) => Effect.promise(() => server.stop()))

/** A service with servers, processes, a provider and a caller, for one scenario; all of it ends with the scope. */
export const makeWorld = Effect.fnUntraced(function* (scenario: Scenario, kit: Kit, seed: number) {
  const within = scenario.deadline ?? PATIENCE
  const random = new Random(seed * 100 + scenario.number)
  const token = (prefix: string) =>
    `${prefix}-${Array.from({ length: 16 }, () => random.below(36).toString(36)).join("")}`
  const secrets = {
    apiKey: token("api"),
    providerKey: token("sk"),
    databasePassword: token("pw"),
    template: token("template"),
    variable: token("variable")
  }

  const postgres =
    scenario.ownPostgres === undefined
      ? undefined
      : yield* Effect.flatMap(scenario.ownPostgres, (options) => acquireServer(() => ownPostgres(options)))
  const databaseUrl = withPassword(
    postgres === undefined ? Redacted.value(yield* newDatabase) : postgres.url,
    secrets.databasePassword
  )
  const redis = yield* acquireServer(() => ownRedis())
  const provider = yield* makeProvider
  const client = makeClient(secrets.apiKey)
  const ledger = yield* openLedger(databaseUrl)
  const queue = yield* openQueue(redis.url)

  const env = {
    ...FAST,
    DATABASE_URL: databaseUrl,
    REDIS_URL: redis.url,
    API_KEY: secrets.apiKey,
    OPENAI_API_KEY: secrets.providerKey,
    OPENAI_BASE_URL: provider.url,
    ...scenario.env
  }
  const processes: Array<Process> = []
  const leaks = new Set<string>()
  const faults: Array<string> = []
  const figures: Record<string, number> = {}
  const notes: Array<string> = []
  let prepared = false
  let submissions = 0

  const watchLog = () => {
    let end = ""
    return (text: string) => {
      const seen = end + text
      for (const [name, secret] of Object.entries(secrets)) if (seen.includes(secret)) leaks.add(name)
      end = seen.slice(-64)
    }
  }

  const launch = Effect.fnUntraced(function* (
    role: Process["role"],
    ready: RegExp,
    { env: more = {}, preload = [] }: StartOptions = {}
  ) {
    const imports = ["heap", ...preload].flatMap((name) => [
      "--import",
      join(import.meta.dirname, "preload", `${name}.mjs`)
    ])
    const running = yield* startNode(
      ["--expose-gc", ...imports, ...kit.args(role === "api" ? "http/main" : "worker/main")],
      { ...env, ...more },
      watchLog()
    )
    const saysWithin =
      (patience: number): Running["says"] =>
      (text) =>
        Effect.timeoutOrElse(running.says(text), {
          duration: patience,
          orElse: () => Effect.die(new Error(`the ${role} did not say within ${patience / 1_000} s: ${text}`))
        })
    const [, url] = yield* saysWithin(START)(ready)
    const heap = yield* heapOf(running)
    const process: Process = { ...running, says: saysWithin(within), role, url: url!, heap }
    processes.push(process)
    return process
  })

  const prepare = Effect.gen(function* () {
    prepared = true
    yield* ledger.installAudit
    for (const statement of kit.prepare ?? []) yield* Effect.orDie(ledger.sql.unsafe(statement))
    const template_source = `${secrets.template} {{ marker }} {{ variable }} {{ text }}`
    const { status } = yield* client.send("PUT", `/v1/prompts/${PROMPT}`, { body: { template_source } })
    if (status >= 300) return yield* Effect.die(new Error(`the prompt was not accepted: ${status}`))
  })

  /** Starts an API, and tells the caller of it. */
  const startApi = Effect.fnUntraced(function* (options?: StartOptions) {
    const api = yield* launch("api", /listens on (http:\/\/[\d.]+:\d+)/, {
      ...options,
      env: { PORT: "0", ...options?.env }
    })
    client.urls.push(api.url)
    if (!prepared) yield* prepare
    return api
  })

  const startWorker = (options?: StartOptions) =>
    launch("worker", /tells its state on (http:\/\/[\d.]+:\d+)/, {
      ...options,
      env: { WORKER_PORT: "0", ...options?.env }
    })

  /** Takes an API from the caller's list. */
  const forget = ({ url }: Process) => {
    const index = client.urls.indexOf(url)
    if (index >= 0) client.urls.splice(index, 1)
  }

  /** Carries out a fault, and counts it. */
  const fault = <A, E, R>(what: string, effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      faults.push(what)
      return effect
    })

  const kill = (process: Process) =>
    fault(
      `kill -9 of the ${process.role}`,
      Effect.suspend(() => {
        forget(process)
        return process.stop("SIGKILL")
      })
    )

  const newSubmission = (text = ""): Submission => {
    const marker = `mk-${scenario.number}-${++submissions}`
    const variables = { marker, variable: secrets.variable, text }
    return { marker, key: `key-${marker}`, body: { prompt_name: PROMPT, variables, model: MODEL } }
  }

  /** Submits that many, a few at a time, each once. */
  const submitMany = (count: number, concurrency = 8): Effect.Effect<ReadonlyArray<Exchange>> =>
    Effect.forEach(
      Array.from({ length: count }, () => newSubmission()),
      client.submit,
      { concurrency }
    )

  /** Submits one that has to be accepted. */
  const submitOne = Effect.fnUntraced(function* (submission = newSubmission()) {
    const { status, body } = yield* client.submit(submission)
    if (status !== 202) return yield* Effect.die(new Error(`not accepted: ${status} ${JSON.stringify(body)}`))
    return { ...submission, execution_id: body.execution_id as string }
  })

  const executionOf = (marker: string) =>
    Effect.map(ledger.executions, (rows) => rows.find((row) => row.marker === marker))

  /** Waits until an execution is as it should be. */
  const until = (marker: string, what: string, holds: (row: ExecutionRow) => boolean, deadline = within) =>
    eventually(
      `${marker} is ${what}`,
      Effect.map(executionOf(marker), (row) => (row !== undefined && holds(row) ? row : undefined)),
      deadline
    )

  const open = Effect.map(ledger.executions, (rows) => {
    const ended = new Set(rows.filter(isTerminal).map(({ execution_id }) => execution_id))
    const acknowledged = client.acknowledged.map(({ execution_id }) => execution_id)
    return [...new Set([...acknowledged, ...rows.map(({ execution_id }) => execution_id)])].filter(
      (execution_id) => !ended.has(execution_id)
    )
  })

  /** Waits until whatever was accepted has ended. With `hasten`, retries do not wait for their step. */
  const settled = ({ hasten = false, deadline = within } = {}) =>
    eventually(
      "every execution has ended",
      Effect.andThen(
        hasten ? ledger.makeDue : Effect.void,
        Effect.map(open, (left) => left.length === 0)
      ),
      deadline
    )

  return {
    scenario,
    seed,
    random,
    secrets,
    kit,
    env,
    /** There when the scenario has asked for its own. */
    postgres: postgres!,
    redis,
    provider,
    client,
    ledger,
    queue,
    processes: processes as ReadonlyArray<Process>,
    running: () => processes.filter(isRunning),
    leaks: leaks as ReadonlySet<string>,
    faults: faults as ReadonlyArray<string>,
    figures,
    notes,
    startApi,
    startWorker,
    startWorkers: (count: number, options?: StartOptions) =>
      Effect.all(
        Array.from({ length: count }, () => startWorker(options)),
        { concurrency: "unbounded" }
      ),
    forget,
    fault,
    kill,
    newSubmission,
    submitMany,
    submitOne,
    executionOf,
    until,
    untilCalls: (count: number, deadline = within) =>
      eventually(
        `the provider has had ${count} calls`,
        Effect.sync(() => provider.calls.length >= count),
        deadline
      ),
    open,
    settled
  }
})

export type World = Effect.Success<ReturnType<typeof makeWorld>>

export const isRunning = ({ pid }: Process): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** What a process keeps when its garbage is collected, in megabytes. */
export const heapOf = Effect.fnUntraced(function* ({ output, signal }: Running) {
  const told = () => [...output().matchAll(/^heap (\d+)$/gm)]
  const before = told().length
  yield* signal("SIGWINCH")
  const [, bytes] = yield* eventually(
    "a process tells how much it keeps",
    Effect.sync(() => told()[before])
  )
  return Number(bytes) / 1e6
})

/** Resident memory of a process, in megabytes. */
export const memoryOf = ({ pid }: Process): number =>
  Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) / 1_024
