/** How a limit is measured inside its process: closed loops, as many as asked for, over a time that is told. */
export interface Measured {
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Microseconds of this process's CPU. */
  readonly cpu: number
}

const CONNECTIONS = Number(process.env["CONNECTIONS"] ?? 1)
const SECONDS = Number(process.env["SECONDS"] ?? 1)

const loops = async (operation: () => Promise<unknown>, connections: number, seconds: number) => {
  const latencies: Array<number> = []
  const end = performance.now() + seconds * 1_000
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let now = performance.now(); now < end;) {
        const before = now
        // One after the other is what a closed loop is.
        // oxlint-disable-next-line no-await-in-loop
        await operation()
        now = performance.now()
        latencies.push(now - before)
      }
    })
  )
  return latencies
}

/** What an operation takes, `units` of whatever is counted done by each. */
export const measure = async (
  operation: () => Promise<unknown>,
  { connections = CONNECTIONS, units = 1 } = {}
): Promise<Measured> => {
  // Warm first, for as long.
  await loops(operation, connections, SECONDS)
  const cpu = process.cpuUsage()
  const start = performance.now()
  const sorted = (await loops(operation, connections, SECONDS)).toSorted((a, b) => a - b)
  const seconds = (performance.now() - start) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  const done = sorted.length * units
  const percentile = (part: number) => sorted[Math.floor((sorted.length - 1) * part)]!
  return {
    perSecond: done / seconds,
    p50: percentile(0.5),
    p99: percentile(0.99),
    cpu: (user + system) / done
  }
}

/** Writes down what was measured, for the process that asked. */
export const tell = (measured: Record<string, Measured>) => console.log(JSON.stringify(measured))
