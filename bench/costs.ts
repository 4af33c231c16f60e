import { Effect } from "effect"
import type { Ground } from "./ground.ts"
import { cpuSeconds, familySeconds } from "./processes.ts"

/** Who does the work of an operation. The rest is the load generator and the provider, which a real service has elsewhere. */
export const parts = ["api", "worker", "postgres", "redis", "rest"] as const
export type Part = (typeof parts)[number]

/** What a piece of work cost in all. */
export interface Costs {
  /** Seconds of CPU. */
  readonly cpu: Readonly<Record<Part, number>>
  /** Where PostgreSQL keeps books of them. */
  readonly statements?: number
  readonly wal?: number
}

interface Processes {
  readonly apis: ReadonlyArray<{ readonly pid: number }>
  readonly workers: ReadonlyArray<{ readonly pid: number }>
}

const sum = (values: ReadonlyArray<number>) => values.reduce((all, value) => all + value, 0)

/** Does a piece of work, and adds up what it costs each part. The work says what CPU it took itself. */
export const withCosts = Effect.fnUntraced(function* <
  A extends { readonly cpu: number; readonly requests: number },
  E,
  R
>({ pids, statements }: Ground, { apis, workers }: Processes, work: Effect.Effect<A, E, R>) {
  const used = (): Record<Part, number> => ({
    api: sum(apis.map(({ pid }) => cpuSeconds(pid))),
    worker: sum(workers.map(({ pid }) => cpuSeconds(pid))),
    postgres: familySeconds(pids.postgres),
    redis: cpuSeconds(pids.redis),
    rest: cpuSeconds(pids.provider)
  })
  const before = used()
  const { result, statements: asked } = yield* statements.count(work)
  const after = used()
  const cpu = {
    api: after.api - before.api,
    worker: after.worker - before.worker,
    postgres: after.postgres - before.postgres,
    redis: after.redis - before.redis,
    rest: after.rest - before.rest + result.cpu
  }
  const costs: Costs = {
    cpu,
    ...(asked !== undefined && { statements: asked.calls, wal: asked.wal })
  }
  return { result, costs }
})
