/*
 * Whether memory stays flat: `npm run bench:soak`, for ten minutes, or `npm run bench:soak -- --minutes 1`. An API and a
 * worker serve a steady mix of requests while their memory is watched. It writes the results to `soak.json` and `soak.svg`
 * (`soak.quick.*` when it is shorter than ten minutes), and exits with 1 if memory grew.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect, Schedule } from "effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { untilDone } from "./done.ts"
import { makeGround } from "./ground.ts"
import { requireLoad, warmUp } from "./load.ts"
import { provenance } from "./machine.ts"
import { markdownTable } from "./markdown.ts"
import { mix } from "./mix.ts"
import { cpuSeconds } from "./processes.ts"
import { makeProgress } from "./progress.ts"
import { rounded } from "./report.ts"
import { ask } from "./send.ts"
import { courseOf } from "./slope.ts"
import type { Course, Memory } from "./slope.ts"
import { soakPicture } from "./soakPicture.ts"
import { watch, watchable } from "./watch.ts"

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "300" }
  }
})
const minutes = Number(values.minutes)
const rate = Number(values.rate)

/** A shorter run says little, and is not kept. */
const WHOLE = 10
/** Requests of each kind that come before, for each minute of a short run. */
const BURST = 2_000
/** The seconds from one look at resident memory to the next, and from one at the heap. */
const LOOK = 2
const COLLECT = Math.min(20, minutes * 4)

const row = (name: string, { second, last, growth, slope, peak, flat }: Course) => [
  name,
  second.toFixed(1),
  last.toFixed(1),
  `${growth.toFixed(1)} %`,
  slope.toFixed(0),
  peak.toFixed(0),
  flat ? "flat" : "**grows**"
]

const roundedOf = ({ flat, ...figures }: Course) => ({
  flat,
  ...Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value)]))
})

/** Series are long: each is a line of the file. */
const jsonOf = (result: object, series: Record<string, ReadonlyArray<Memory>>) => {
  const lines = Object.entries(series).map(
    ([name, samples]) =>
      `    ${JSON.stringify(name)}: ${JSON.stringify(samples.map(({ seconds, megabytes }) => [Math.round(seconds), rounded(megabytes)]))}`
  )
  return JSON.stringify(result, null, 2).replace(/\n}$/, `,\n  "series": {\n${lines.join(",\n")}\n  }\n}\n`)
}

const main = Effect.gen(function* () {
  const progress = makeProgress()
  yield* requireLoad(progress)
  yield* progress("PostgreSQL, Redis, a provider, an API and a worker")
  const ground = yield* makeGround
  const api = yield* ground.startLedger(watchable)
  const worker = yield* ground.startWorker(watchable)
  yield* ask(api.requests.put)

  yield* progress("a burst of all that they can do")
  const { execution_id } = yield* ask(api.requests.run)
  yield* warmUp(api, execution_id, Math.min(20_000, minutes * BURST))
  yield* untilDone(ground.statements)

  const watched = { API: watch(api), worker: watch(worker) }
  const all = Object.values(watched)
  const { counts, sending } = yield* mix(api, rate)
  const look = Effect.forEach(all, (one) => one.look).pipe(Effect.repeat(Schedule.fixed(`${LOOK} seconds`)))
  const collect = Effect.gen(function* () {
    yield* Effect.forEach(all, (one) => one.collect, { concurrency: "unbounded" })
    const sizes = Object.entries(watched).map(
      ([name, { heap, resident }]) =>
        `${name} ${Math.round(resident.at(-1)!.megabytes)} MB, heap ${Math.round(heap.at(-1)!.megabytes)}`
    )
    yield* progress(`${counts.sent} requests, ${counts.done} submits done; ${sizes.join("; ")}`)
  }).pipe(Effect.repeat(Schedule.fixed(COLLECT * 1_000)))

  yield* progress(`${rate} requests a second for ${minutes} minutes`)
  const start = performance.now()
  yield* Effect.raceAllFirst([look, collect, sending]).pipe(Effect.timeoutOption(minutes * 60_000))
  const seconds = (performance.now() - start) / 1_000

  const series: Record<string, ReadonlyArray<Memory>> = {}
  for (const [name, { resident, heap }] of Object.entries(watched)) {
    series[`${name}, resident`] = resident
    series[`${name}, heap`] = heap
  }
  const courses = Object.entries(series).map(([name, samples]) => ({
    name,
    samples,
    course: courseOf(samples)
  }))
  const head = ["", "second fifth, MB", "last fifth, MB", "growth", "slope, MB/h", "peak, MB", ""]
  console.log(`\n${markdownTable([head, ...courses.map(({ name, course }) => row(name, course))])}`)
  console.log(`\nRefused, the service being unable: ${counts.refused} of ${counts.sent}.`)
  if (!courses.every(({ course }) => course.flat)) process.exitCode = 1

  const result = {
    ...provenance(),
    minutes,
    rate,
    ...counts,
    busy: Object.fromEntries(
      Object.entries(watched).map(([name, { pid }]) => [name, rounded(cpuSeconds(pid) / seconds)])
    ),
    memory: Object.fromEntries(courses.map(({ name, course }) => [name, roundedOf(course)]))
  }
  const title = `memory over ${minutes} min of ${rate} requests a second`
  const lines = courses.map(({ name, samples, course }) => ({ name, samples, flat: course.flat }))
  const kept = minutes >= WHOLE ? "soak" : "soak.quick"
  const file = (extension: string) => join(import.meta.dirname, `${kept}.${extension}`)
  writeFileSync(file("json"), jsonOf(result, series))
  writeFileSync(file("svg"), soakPicture(lines, title))
}).pipe(Effect.scoped)

NodeRuntime.runMain(main)
