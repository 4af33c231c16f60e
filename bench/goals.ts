import type { Figures } from "./figures.ts"

/** What the service is held to. Each is worked out within a round, from figures measured a moment apart. */
export interface Goal {
  readonly name: string
  readonly group: "limit" | "peer" | "absolute"
  readonly unit: "%" | "×" | "ms" | "s" | "/s" | "MB" | "statements" | "rows"
  readonly goal: number
  readonly better: "more" | "less"
  /** Not a number where a figure that it needs was not measured. */
  readonly of: (figures: Figures) => number
}

const perSecond = (figures: Figures, name: string) => figures[`${name}.perSecond`] ?? NaN
const seconds = (figures: Figures, name: string) => 1 / perSecond(figures, name)
const share = (figures: Figures, name: string, limit: string) =>
  (100 * perSecond(figures, name)) / perSecond(figures, limit)

/**
 * The same by the server's own CPU. The load generator can't saturate the bare framework, whose rate is then too low, and
 * the share by rate too high.
 */
const shareOfCpu = (figures: Figures, name: string, limit: string) =>
  (100 * (figures[`${limit}.cpu`] ?? NaN)) / (figures[`${name}.cpu`] ?? NaN)

/**
 * The part that an operation reaches of the sum of its parts: of the rate at which its parts would go if nothing were
 * between them, one after the other, each as fast as when it has the machine to itself. A durable write counts as one
 * row of a batch of 64.
 */
const shareOfParts = (figures: Figures, name: string, parts: ReadonlyArray<string>) =>
  100 * perSecond(figures, name) * parts.reduce((sum, part) => sum + seconds(figures, part), 0)

/** A run writes a row before the call and one after. */
const RUN = ["frameworkRun", "call", "batch", "batch"]
const SUBMIT = ["frameworkSubmit", "batch", "add"]
/** A worker claims, calls and finishes. */
const WORK = ["work", "batch", "call", "batch"]

/** The same by CPU of the process that answers. */
const shareOfPartsCpu = (figures: Figures, name: string, parts: ReadonlyArray<string>) =>
  (100 * parts.reduce((sum, part) => sum + (figures[`${part}.cpu`] ?? NaN), 0)) /
  (figures[`${name}.cpu`] ?? NaN)

/** Statements for each; what comes with the clock, not with a request, is too little to show. */
const statements = (figures: Figures, name: string) =>
  Math.round((figures[`${name}.statements`] ?? NaN) * 20) / 20

const overhead = (figures: Figures, name: string, direct: string, percentile: "p50" | "p99") =>
  (figures[`${name}.${percentile}`] ?? NaN) - (figures[`${direct}.${percentile}`] ?? NaN)

export const goals: ReadonlyArray<Goal> = [
  {
    name: "read the active prompt, of the bare framework",
    group: "limit",
    unit: "%",
    goal: 60,
    better: "more",
    of: (figures) => share(figures, "read", "frameworkRead")
  },
  {
    name: "read the active prompt, of the bare framework, by CPU",
    group: "limit",
    unit: "%",
    goal: 60,
    better: "more",
    of: (figures) => shareOfCpu(figures, "read", "frameworkRead")
  },
  {
    name: "poll an execution, of the bare framework",
    group: "limit",
    unit: "%",
    goal: 50,
    better: "more",
    of: (figures) => share(figures, "poll", "frameworkPoll")
  },
  {
    name: "poll an execution, of the bare framework, by CPU",
    group: "limit",
    unit: "%",
    goal: 50,
    better: "more",
    of: (figures) => shareOfCpu(figures, "poll", "frameworkPoll")
  },
  {
    name: "run, of the sum of its parts",
    group: "limit",
    unit: "%",
    goal: 60,
    better: "more",
    of: (figures) => shareOfParts(figures, "run", RUN)
  },
  {
    name: "run, of the sum of its parts, by CPU",
    group: "limit",
    unit: "%",
    goal: 60,
    better: "more",
    of: (figures) => shareOfPartsCpu(figures, "run", RUN)
  },
  {
    name: "submit, of the sum of its parts",
    group: "limit",
    unit: "%",
    goal: 60,
    better: "more",
    of: (figures) => shareOfParts(figures, "submit", SUBMIT)
  },
  {
    name: "submit, of the sum of its parts, by CPU",
    group: "limit",
    unit: "%",
    goal: 60,
    better: "more",
    of: (figures) => shareOfPartsCpu(figures, "submit", SUBMIT)
  },
  {
    name: "submit to done by one worker, of the sum of its parts",
    group: "limit",
    unit: "%",
    goal: 60,
    better: "more",
    of: (figures) => shareOfParts(figures, "done1", [...SUBMIT, ...WORK])
  },
  {
    name: "submit to done by two workers, of the sum of its parts",
    group: "limit",
    unit: "%",
    goal: 60,
    better: "more",
    of: (figures) => shareOfParts(figures, "done2", [...SUBMIT, ...WORK])
  },
  {
    name: "run through it, of the Portkey gateway",
    group: "peer",
    unit: "×",
    goal: 3,
    better: "more",
    of: (figures) => share(figures, "run", "portkey") / 100
  },
  {
    name: "submit to done, of pg-boss",
    group: "peer",
    unit: "×",
    goal: 2,
    better: "more",
    of: (figures) => share(figures, "done1", "pgBoss") / 100
  },
  {
    name: "submit to done, of graphile-worker",
    group: "peer",
    unit: "×",
    goal: 2,
    better: "more",
    of: (figures) => share(figures, "done1", "graphileWorker") / 100
  },
  {
    name: "submit to done over PostgreSQL alone, of pg-boss",
    group: "peer",
    unit: "×",
    goal: 2,
    better: "more",
    of: (figures) => share(figures, "doneAlone", "pgBoss") / 100
  },
  {
    name: "submit to done over PostgreSQL alone, of graphile-worker",
    group: "peer",
    unit: "×",
    goal: 2,
    better: "more",
    of: (figures) => share(figures, "doneAlone", "graphileWorker") / 100
  },
  {
    name: "run, added to the bare call, p50 at 16 connections",
    group: "absolute",
    unit: "ms",
    goal: 1,
    better: "less",
    of: (figures) => overhead(figures, "fewRuns", "fewCalls", "p50")
  },
  {
    name: "run, added to the bare call, p99 at 16 connections",
    group: "absolute",
    unit: "ms",
    goal: 5,
    better: "less",
    of: (figures) => overhead(figures, "fewRuns", "fewCalls", "p99")
  },
  {
    name: "the same over a provider of 50 ms, p50",
    group: "absolute",
    unit: "ms",
    goal: 1,
    better: "less",
    of: (figures) => overhead(figures, "slowRuns", "slowCalls", "p50")
  },
  {
    name: "the same over a provider of 50 ms, p99",
    group: "absolute",
    unit: "ms",
    goal: 5,
    better: "less",
    of: (figures) => overhead(figures, "slowRuns", "slowCalls", "p99")
  },
  {
    name: "read the active prompt, cached",
    group: "absolute",
    unit: "statements",
    goal: 0,
    better: "less",
    of: (figures) => statements(figures, "read")
  },
  {
    name: "poll an execution",
    group: "absolute",
    unit: "statements",
    goal: 1,
    better: "less",
    of: (figures) => statements(figures, "poll")
  },
  {
    name: "list executions",
    group: "absolute",
    unit: "statements",
    goal: 1,
    better: "less",
    of: (figures) => statements(figures, "list")
  },
  {
    name: "run, at most, since writes are grouped",
    group: "absolute",
    unit: "statements",
    goal: 2,
    better: "less",
    of: (figures) => statements(figures, "run")
  },
  {
    name: "submit, at most, since writes are grouped",
    group: "absolute",
    unit: "statements",
    goal: 1,
    better: "less",
    of: (figures) => statements(figures, "submit")
  },
  {
    name: "start of a submitted execution on an idle system, p50",
    group: "absolute",
    unit: "ms",
    goal: 10,
    better: "less",
    of: (figures) => figures["start.p50"] ?? NaN
  },
  {
    name: "PUT of the same content, p50",
    group: "absolute",
    unit: "ms",
    goal: 20,
    better: "less",
    of: (figures) => figures["put.p50"] ?? NaN
  },
  {
    name: "PUT of the same content",
    group: "absolute",
    unit: "statements",
    goal: 1,
    better: "less",
    of: (figures) => figures["put.calls"] ?? NaN
  },
  {
    name: "PUT of the same content, written",
    group: "absolute",
    unit: "rows",
    goal: 0,
    better: "less",
    of: (figures) => figures["put.written"] ?? NaN
  },
  {
    name: "register-code of 1,000 unchanged, p50",
    group: "absolute",
    unit: "ms",
    goal: 20,
    better: "less",
    of: (figures) => figures["register.p50"] ?? NaN
  },
  {
    name: "register-code of 1,000 unchanged",
    group: "absolute",
    unit: "statements",
    goal: 1,
    better: "less",
    of: (figures) => figures["register.calls"] ?? NaN
  },
  {
    name: "register-code of 1,000 unchanged, written",
    group: "absolute",
    unit: "rows",
    goal: 0,
    better: "less",
    of: (figures) => figures["register.written"] ?? NaN
  },
  {
    name: "embedded, first start",
    group: "absolute",
    unit: "s",
    goal: 3,
    better: "less",
    of: (figures) => figures["embedded.firstStart"] ?? NaN
  },
  {
    name: "embedded, start again",
    group: "absolute",
    unit: "s",
    goal: 1,
    better: "less",
    of: (figures) => figures["embedded.startAgain"] ?? NaN
  },
  {
    name: "embedded, submit",
    group: "absolute",
    unit: "/s",
    goal: 2_000,
    better: "more",
    of: (figures) => perSecond(figures, "embeddedSubmit")
  },
  {
    name: "a worker with 256 calls open",
    group: "absolute",
    unit: "MB",
    goal: 300,
    better: "less",
    of: (figures) => figures["worker.megabytes"] ?? NaN
  }
]

export interface Reached extends Goal {
  /** The median of the rounds. */
  readonly reached: number
  readonly rounds: ReadonlyArray<number>
  readonly met: boolean
}
