import { median } from "./figures.ts"

/** A process's memory at a time. */
export interface Memory {
  readonly seconds: number
  readonly megabytes: number
}

/** How memory went over a run. */
export interface Course {
  readonly first: number
  readonly peak: number
  /** The medians of the second fifth and of the last one: what comes before has the start-up in it. */
  readonly second: number
  readonly last: number
  /** What the last is over the second, in percent. */
  readonly growth: number
  /** Megabytes an hour over the second half, by least squares. */
  readonly slope: number
  readonly flat: boolean
}

/** Memory grows when it is over both: the one alone is a late warm-up, the other a tooth of the garbage collector's saw. */
export const GROWTH = 5
export const SLOPE = 60

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length

/** The slope of the line that fits best, for each second. */
export const leastSquares = (samples: ReadonlyArray<Memory>): number => {
  const x = mean(samples.map(({ seconds }) => seconds))
  const y = mean(samples.map(({ megabytes }) => megabytes))
  const over = samples.reduce((sum, { seconds, megabytes }) => sum + (seconds - x) * (megabytes - y), 0)
  return over / samples.reduce((sum, { seconds }) => sum + (seconds - x) ** 2, 0)
}

export const courseOf = (samples: ReadonlyArray<Memory>): Course => {
  const part = (from: number, to: number) =>
    samples.slice(Math.floor(samples.length * from), Math.floor(samples.length * to))
  const middle = (some: ReadonlyArray<Memory>) => median(some.map(({ megabytes }) => megabytes))
  const second = middle(part(0.2, 0.4))
  const last = middle(part(0.8, 1))
  const growth = (100 * (last - second)) / second
  const slope = leastSquares(part(0.5, 1)) * 3_600
  return {
    first: samples[0]!.megabytes,
    peak: Math.max(...samples.map(({ megabytes }) => megabytes)),
    second,
    last,
    growth,
    slope,
    flat: growth <= GROWTH || slope <= SLOPE
  }
}
