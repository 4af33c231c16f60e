/*
 * A load generator in a process of its own. It is told what to send as JSON by its only argument, and writes what came of
 * it as one line of JSON. Latencies are kept whole: autocannon's own histogram counts in milliseconds.
 */
import autocannon from "autocannon"
import type { Options } from "autocannon"

const options = JSON.parse(process.argv[2]!) as Options
const latencies: Array<number> = []
const start = performance.now()
let end = start

autocannon(options, (error, { errors, non2xx }) => {
  if (error !== null) throw error
  const sorted = Float64Array.from(latencies).toSorted()
  const percentile = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? null
  const requests = sorted.length
  const seconds = (end - start) / 1_000
  const { user, system } = process.cpuUsage()
  const cpu = (user + system) / 1e6
  console.log(
    JSON.stringify({ requests, seconds, p50: percentile(0.5), p99: percentile(0.99), cpu, errors, non2xx })
  )
}).on("response", (_client: unknown, _status: number, _bytes: number, millis: number) => {
  latencies.push(millis)
  end = performance.now()
})
