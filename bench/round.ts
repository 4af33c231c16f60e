import { Effect, Schedule } from "effect"
import { doneRate, untilDone } from "./done.ts"
import { embedded } from "./embedded.ts"
import { makeFigures, median } from "./figures.ts"
import { CONTENT } from "./ground.ts"
import type { Measured } from "./limits/loop.ts"
import { pgbench } from "./limits/pgbench.ts"
import { CONNECTIONS, load } from "./load.ts"
import { peers } from "./peers.ts"
import { megabytes, runProgram } from "./processes.ts"
import type { Progress } from "./progress.ts"
import { ask } from "./send.ts"
import type { Request } from "./send.ts"
import type { World } from "./world.ts"

export interface Plan {
  /** Requests that each operation gets before it is measured, for the sake of the compilers. */
  readonly warmUp: number
  /** Seconds that each rate is measured for. */
  readonly duration: number
  /** Executions that workers have to get done. */
  readonly executions: number
  /** How often that is asked which is measured one at a time. */
  readonly repeat: number
  readonly peers: boolean
}

/** How a rate is measured. */
interface Way {
  readonly connections: number
  /** Seconds. */
  readonly duration: number
}

/** Connections where what counts is what a caller waits. */
const FEW = 16

/** The milliseconds of a provider that is not instant. */
const SLOW = 50

/** Calls that a worker has to keep open at a time, and how long each takes. */
const OPEN = 256
const OPEN_MILLIS = 4_000

const milliseconds = <A, E, R>(work: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const start = performance.now()
    yield* work
    return performance.now() - start
  })

/** Measures everything once. What is compared is measured one right after the other, so that a busy machine slows both. */
export const round = Effect.fnUntraced(function* (world: World, plan: Plan, progress: Progress) {
  const { figures, measured, note, sample } = makeFigures()
  const { api, framework, statements } = world
  const many: Way = { connections: CONNECTIONS, duration: plan.duration }
  const few: Way = { ...many, connections: FEW }
  const slowly: Way = { ...few, duration: 4 * plan.duration }
  const { execution_id } = yield* ask(api.requests.run)

  const rate = Effect.fnUntraced(function* (
    name: string,
    pid: number,
    request: Request,
    { connections, duration } = many
  ) {
    // What was not asked for a while is cold again, and after ANALYZE plans are made anew: some come before those that count.
    const warmUp = load(pid, request, { duration: plan.duration / 4 }, connections)
    yield* warmUp
    yield* world.settle
    yield* warmUp
    const { result, statements: asked } = yield* statements.count(
      load(pid, request, { duration }, connections)
    )
    sample(name, result, asked)
  })
  const limits = (file: string, env: Record<string, string>, { connections, duration } = many) =>
    Effect.map(
      runProgram<Record<string, Measured>>(`limits/${file}.ts`, {
        SECONDS: String(duration),
        CONNECTIONS: String(connections),
        ...env
      }),
      measured
    )
  const calls = (NAME: string, way = many) =>
    limits("calls", { NAME, OPENAI_BASE_URL: world.providerUrl, CONTENT }, way)

  note("api", { megabytesBefore: megabytes(api.pid) })

  yield* progress("read the active prompt, after the bare framework")
  yield* rate("frameworkRead", framework.pid, framework.requests.read)
  yield* rate("read", api.pid, api.requests.read)

  yield* progress("poll an execution, after the bare framework")
  yield* rate("frameworkPoll", framework.pid, framework.requests.poll(execution_id))
  yield* rate("poll", api.pid, api.requests.poll(execution_id))

  yield* progress("run, after its parts: framework, bare call, durable writes")
  yield* rate("frameworkRun", framework.pid, framework.requests.run)
  yield* calls("call")
  yield* limits("writes", { DATABASE_URL: world.databaseUrl, CONTENT })
  const { databaseUrl } = world
  const tool = pgbench({ databaseUrl, seconds: plan.duration, length: CONTENT.length })
  if (tool === undefined) yield* progress("pgbench is not installed, and left out")
  else note("pgbench", tool)
  yield* rate("run", api.pid, api.requests.run)

  yield* progress(`run over ${FEW} connections, after the bare call`)
  yield* calls("fewCalls", few)
  yield* rate("fewRuns", api.pid, api.requests.run, few)

  yield* progress("list executions")
  yield* rate("list", api.pid, api.requests.list)

  yield* progress(`run with a provider of ${SLOW} ms, after the bare call`)
  yield* Effect.scoped(
    Effect.gen(function* () {
      yield* world.providerTakes(SLOW)
      yield* calls("slowCalls", slowly)
      yield* rate("slowRuns", api.pid, api.requests.run, slowly)
    })
  )

  yield* progress("submit, after its parts: framework, BullMQ")
  yield* world.clear
  yield* rate("frameworkSubmit", framework.pid, framework.requests.submit)
  yield* limits("queue", { REDIS_URL: world.redisUrl })
  yield* world.clear
  yield* rate("submit", api.pid, api.requests.submit)
  yield* world.clear

  for (const workers of [1, 2]) {
    yield* progress(`submit and get done, ${workers} ${workers === 1 ? "worker" : "workers"}`)
    note(`done${workers}`, yield* submitToDone(world, workers, plan.executions))
  }
  yield* progress("submit and get done over PostgreSQL alone")
  const alone = Effect.flatMap(world.withoutRedis.startLedger(), (ledger) =>
    submitToDone({ ...world, ...world.withoutRedis, api: ledger }, 1, plan.executions)
  )
  note("doneAlone", yield* Effect.scoped(alone))

  yield* progress("start on an idle system")
  note("start", yield* startLatency(world, plan))

  yield* progress("the same content again: PUT one, register 1,000")
  for (const [name, request] of Object.entries({ put: api.requests.put, register: api.requests.register })) {
    const times = yield* Effect.forEach(Array.from({ length: plan.repeat }), () =>
      statements.count(milliseconds(ask(request)))
    )
    note(name, { p50: median(times.map(({ result }) => result)) })
    if (!statements.counted) continue
    for (const what of ["calls", "written", "wal"] as const) {
      // The median leaves out what others wrote meanwhile.
      note(name, { [what]: median(times.map(({ statements: asked }) => asked![what])) })
    }
  }

  yield* progress(`a worker with ${OPEN} calls open`)
  note("worker", { megabytes: yield* workerMemory(world) })
  note("api", { megabytesAfter: megabytes(api.pid) })

  yield* progress("embedded: first start, start again, submit")
  const { submit, ...starts } = yield* embedded(api.requests, plan.warmUp, { duration: plan.duration })
  note("embedded", starts)
  sample("embeddedSubmit", submit)

  if (plan.peers) yield* peers(world, plan, progress, { note, sample })
  return figures
})

/** Submits while workers work, and tells how many executions got done in a second, from the first row to the last end. */
const submitToDone = (world: Omit<World, "framework">, workers: number, amount: number) =>
  Effect.gen(function* () {
    const { api, clear, settle, startWorker, statements } = world
    yield* Effect.all(
      Array.from({ length: workers }, () => startWorker()),
      { concurrency: "unbounded" }
    )
    yield* submitAndWait(world, amount)
    yield* settle
    const { statements: asked } = yield* statements.count(submitAndWait(world, amount))
    const perSecond = yield* doneRate(statements, amount)
    yield* clear
    return {
      perSecond,
      ...(asked !== undefined && { statements: asked.calls / amount }),
      apiMegabytes: megabytes(api.pid)
    }
  }).pipe(Effect.scoped)

const submitAndWait = ({ api, statements }: Pick<World, "api" | "statements">, amount: number) =>
  Effect.andThen(load(api.pid, api.requests.submit, { amount }), untilDone(statements))

/** How long nothing happens between two requests to an idle system. */
const IDLE = "50 millis"

/**
 * The milliseconds from a submit's sending to the provider's getting the call, when nothing else is to do; and what the
 * bare framework takes for an answer in the same rhythm, since a machine that idles takes long for anything.
 */
const startLatency = (world: World, { repeat, executions }: Plan) =>
  Effect.gen(function* () {
    yield* world.startWorker()
    yield* submitAndWait(world, executions)
    const one = Effect.gen(function* () {
      const { calls } = yield* world.calls
      const start = process.hrtime.bigint()
      yield* ask(world.api.requests.submit)
      const seen = yield* world.calls.pipe(
        Effect.repeat({ schedule: Schedule.spaced("5 millis"), until: (now) => now.calls > calls })
      )
      yield* Effect.sleep(IDLE)
      return Number(BigInt(seen.last) - start) / 1e6
    })
    const all = yield* Effect.forEach(Array.from({ length: repeat }), () => one)
    const bare = yield* Effect.forEach(Array.from({ length: repeat }), () =>
      Effect.tap(milliseconds(ask(world.framework.requests.submit)), Effect.sleep(IDLE))
    )
    yield* world.clear
    return { p50: median(all), max: Math.max(...all), framework: median(bare) }
  }).pipe(Effect.scoped)

/** The megabytes of a worker while the provider lets it wait for as many answers as it may have under way. */
const workerMemory = (world: World) =>
  Effect.gen(function* () {
    yield* world.providerTakes(OPEN_MILLIS)
    const worker = yield* world.startWorker({ WORKER_CONCURRENCY: String(OPEN) })
    yield* load(world.api.pid, world.api.requests.submit, { amount: OPEN })
    yield* world.calls.pipe(
      Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: ({ open }) => open === OPEN })
    )
    const used = megabytes(worker.pid)
    yield* worker.stop("SIGKILL")
    yield* world.clear
    return used
  }).pipe(Effect.scoped)
