import type { Part } from "./costs.ts"
import { median } from "./figures.ts"
import { machine } from "./machine.ts"
import { markdownTable } from "./markdown.ts"
import { rounded } from "./report.ts"
import type { Scaled } from "./scalingRound.ts"

/** The parts that have to be made bigger when there is more to do, as they are called. */
const names = { api: "API", worker: "worker", postgres: "PostgreSQL", redis: "Redis" } as const
type Scalable = keyof typeof names
const scalable = Object.keys(names) as ReadonlyArray<Scalable>

/** What the worked example has to carry: operations a second. */
const EXAMPLE: Partial<Record<Scaled["what"], number>> = {
  read: 500,
  poll: 1_000,
  list: 20,
  run: 200,
  "submit to done": 300
}

/** How busy a core may be, so that a burst finds room. */
const BUSY = 0.7

/** Microseconds that tell from none: the clock of CPU ticks a hundred times a second. */
const RESOLVED = 10

/** A server that is still ordinary. */
const POSTGRES_CORES = 16

const medianOf = (values: ReadonlyArray<number | undefined>) => {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : median(known)
}

/** The same measurements of several rounds as one, each figure its median. */
export const medianRows = (rounds: ReadonlyArray<ReadonlyArray<Scaled>>): ReadonlyArray<Scaled> =>
  rounds[0]!.map((first, index) => {
    const same = rounds.map((rows) => rows[index]!)
    const of = (field: "p50" | "p99" | "statements" | "wal") => {
      const value = medianOf(same.map((row) => row[field]))
      return value === undefined ? {} : { [field]: rounded(value) }
    }
    const cpu = (part: Part) => rounded(median(same.map((row) => row.cpu[part])))
    return {
      ...first,
      perSecond: rounded(median(same.map(({ perSecond }) => perSecond))),
      cores: rounded(median(same.map(({ cores }) => cores))),
      cpu: {
        api: cpu("api"),
        worker: cpu("worker"),
        postgres: cpu("postgres"),
        redis: cpu("redis"),
        rest: cpu("rest")
      },
      ...of("p50"),
      ...of("p99"),
      ...of("statements"),
      ...of("wal")
    }
  })

const number = (value: number | undefined, digits = 0) =>
  value === undefined
    ? ""
    : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** Each kind of operation by as few processes as it takes. */
const simplest = (rows: ReadonlyArray<Scaled>) =>
  [...new Set(rows.map(({ what }) => what))].map((what) => rows.find((row) => row.what === what)!)

/** What each part carries of an operation with one core, from the microseconds that it takes. */
const perCore = (rows: ReadonlyArray<Scaled>) => [
  ["operations/s for one core of", ...scalable.map((part) => names[part])],
  ...simplest(rows).map(({ what, cpu }) => [
    what,
    ...scalable.map((part) => (cpu[part] < RESOLVED ? "–" : number(Number((1e6 / cpu[part]).toPrecision(2)))))
  ])
]

/** The example's demand: the cores of each part, what that makes of it, and how far it goes. */
const demand = (rows: ReadonlyArray<Scaled>) => {
  const asked = simplest(rows).flatMap((row) => {
    const perSecond = EXAMPLE[row.what]
    return perSecond === undefined ? [] : [{ ...row, perSecond }]
  })
  const total = (of: (row: Scaled) => number) => asked.reduce((sum, row) => sum + row.perSecond * of(row), 0)
  const cores = (part: Scalable) => total(({ cpu }) => cpu[part]) / 1e6
  const row = (part: Scalable, unit: string, bound?: number) => {
    const many = Math.ceil(cores(part) / BUSY)
    const goesTo = bound === undefined ? "more of them" : `${number((bound * BUSY) / cores(part))} ×`
    return [
      names[part],
      number(cores(part), 2),
      `${many} ${many === 1 ? unit : `${unit}${unit.endsWith("s") ? "es" : "s"}`}`,
      goesTo
    ]
  }
  const books = asked.every(({ statements }) => statements !== undefined)
    ? [
        ["statements/s", number(total(({ statements }) => statements!)), "", ""],
        ["MB of WAL/s", number(total(({ wal }) => wal!) / 2 ** 20, 1), "", ""]
      ]
    : []
  return [
    ["", "busy cores", `needs at ${BUSY * 100} %`, "goes to"],
    row("api", "process"),
    row("worker", "process"),
    row("postgres", "core", POSTGRES_CORES),
    row("redis", "core", 1),
    ...books
  ]
}

const measured = (rows: ReadonlyArray<Scaled>) => [
  [
    "",
    "API",
    "workers",
    "/s",
    "p50 ms",
    "p99 ms",
    ...scalable.map((part) => `${names[part]} µs`),
    "load µs",
    "statements",
    "WAL bytes",
    "cores"
  ],
  ...rows.map(({ what, apis, workers, perSecond, p50, p99, cpu, statements, wal, cores }) => [
    what,
    String(apis),
    workers === 0 ? "" : String(workers),
    number(perSecond),
    number(p50, 1),
    number(p99, 1),
    ...scalable.map((part) => number(cpu[part])),
    number(cpu.rest),
    number(statements, 2),
    number(wal),
    number(cores, 1)
  ])
]

export interface ScalingNotes {
  readonly date: string
  readonly rounds: number
  readonly seconds: number
}

/** What was measured and what follows from it, in Markdown. */
export const scalingTables = (rows: ReadonlyArray<Scaled>, { date, rounds, seconds }: ScalingNotes) => {
  const { cores, cpu, node } = machine
  const asked = Object.entries(EXAMPLE)
    .map(([what, perSecond]) => `${number(perSecond)} ${what}`)
    .join(", ")
  const many = rounds === 1 ? "one round" : `the medians of ${rounds} rounds`
  return `Of ${date}: ${many} in ${seconds} s, on ${cores} cores (${cpu.trim()}) that everything shares, Node ${node.slice(1)}.
CPU, statements and WAL are for one operation; _load_ is load generator and provider; _cores_ are those that were busy with
all of it.

${markdownTable(measured(rows))}

What one core of a part carries, when it does nothing else:

${markdownTable(perCore(rows))}

The example, a second: ${asked}. _Goes to_ is how many times the
example PostgreSQL carries with ${POSTGRES_CORES} cores, and Redis with the one that it uses; of the others there may be more.

${markdownTable(demand(rows))}`
}
