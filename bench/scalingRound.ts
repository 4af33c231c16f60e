import { Effect } from "effect"
import { parts, withCosts } from "./costs.ts"
import type { Costs, Part } from "./costs.ts"
import { doneRate, untilDone, untilFolded } from "./done.ts"
import type { Ground } from "./ground.ts"
import { fire } from "./load.ts"
import type { Progress } from "./progress.ts"
import { ask } from "./send.ts"
import type { Request } from "./send.ts"

export interface ScalingPlan {
  /** Requests that warm an operation up. */
  readonly warmUp: number
  /** Seconds that each rate is measured for. */
  readonly duration: number
  /** Executions that workers have to get done. */
  readonly executions: number
}

/** What an operation reached and cost, by so many processes. */
export interface Scaled {
  readonly what: "read" | "poll" | "list" | "run" | "submit" | "submit to done"
  readonly apis: number
  readonly workers: number
  readonly perSecond: number
  readonly p50?: number
  readonly p99?: number
  /** Microseconds of CPU for each. */
  readonly cpu: Readonly<Record<Part, number>>
  /** Cores that are busy at this rate. */
  readonly cores: number
  readonly statements?: number
  /** Bytes for each. */
  readonly wal?: number
}

type Api = Effect.Success<ReturnType<Ground["startLedger"]>>

const APIS = [1, 2]
const WORKERS = [1, 2, 4]

const each = ({ cpu, statements, wal }: Costs, amount: number, perSecond: number) => {
  const micros = (part: Part) => (cpu[part] * 1e6) / amount
  return {
    perSecond,
    cpu: Object.fromEntries(parts.map((part) => [part, micros(part)])) as Record<Part, number>,
    cores: (parts.reduce((sum, part) => sum + micros(part), 0) * perSecond) / 1e6,
    ...(statements !== undefined && { statements: statements / amount }),
    ...(wal !== undefined && { wal: wal / amount })
  }
}

/** Measures every operation with 1 and 2 API processes, and what is submitted with 1, 2 and 4 workers. */
export const scalingRound = Effect.fnUntraced(function* (
  ground: Ground,
  ledgers: ReadonlyArray<Api>,
  plan: ScalingPlan,
  progress: Progress
) {
  const { clear, settle, startWorker, statements } = ground
  const rows: Array<Scaled> = []
  const startWorkers = (count: number) =>
    Effect.all(
      Array.from({ length: count }, () => startWorker()),
      { concurrency: "unbounded" }
    )

  const rate = Effect.fnUntraced(function* (
    what: Scaled["what"],
    apis: ReadonlyArray<Api>,
    request: (api: Api) => Request,
    workers: ReadonlyArray<{ readonly pid: number }> = []
  ) {
    const requests = apis.map(request)
    yield* fire(requests, { amount: plan.warmUp })
    yield* untilFoldedBy(workers)
    yield* settle
    const { result, costs } = yield* withCosts(
      ground,
      { apis, workers },
      Effect.tap(fire(requests, { duration: plan.duration }), () => untilFoldedBy(workers))
    )
    const { requests: answered, sent, seconds, p50, p99 } = result
    const figures = each(costs, sent, answered / seconds)
    rows.push({ what, apis: apis.length, workers: workers.length, p50, p99, ...figures })
  })
  /** Folding into the rollups is a part of what an execution costs, if later. */
  const untilFoldedBy = (workers: ReadonlyArray<unknown>) =>
    workers.length > 0 ? untilFolded(statements) : Effect.void

  for (const count of APIS) {
    const apis = ledgers.slice(0, count)
    yield* progress(`read, poll, list, run and submit, ${count} API`)
    const { execution_id } = yield* ask(ledgers[0]!.requests.run)
    yield* rate("read", apis, (api) => api.requests.read)
    yield* rate("poll", apis, (api) => api.requests.poll(execution_id))
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* rate("run", apis, (api) => api.requests.run, yield* startWorkers(1))
      })
    )
    yield* rate("list", apis, (api) => api.requests.list)
    yield* clear
    yield* rate("submit", apis, (api) => api.requests.submit)
    yield* clear
  }

  for (const count of WORKERS) {
    yield* progress(`submit and get done, ${count} ${count === 1 ? "worker" : "workers"}`)
    const apis = ledgers.slice(0, 1)
    yield* Effect.scoped(
      Effect.gen(function* () {
        const workers = yield* startWorkers(count)
        const submitAll = (amount: number) =>
          fire([apis[0]!.requests.submit], { amount }).pipe(
            Effect.tap(() => untilDone(statements)),
            Effect.tap(() => untilFolded(statements))
          )
        yield* submitAll(plan.executions)
        yield* settle
        const { costs } = yield* withCosts(ground, { apis, workers }, submitAll(plan.executions))
        const perSecond = yield* doneRate(statements, plan.executions)
        const figures = each(costs, plan.executions, perSecond)
        rows.push({ what: "submit to done", apis: 1, workers: count, ...figures })
      })
    )
    yield* clear
  }
  return rows
})
