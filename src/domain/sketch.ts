/**
 * Quantiles of latencies by a DDSketch (Masson, Rim and Lee, 2019): counts in buckets whose bounds grow by a constant
 * factor. Sketches merge by adding counts, and a quantile is off by at most `RELATIVE_ERROR` of its true value.
 */
export interface Sketch {
  /** Buckets that hold something, ascending. */
  readonly buckets: ReadonlyArray<number>
  /** How many values are in each of `buckets`, in the same order. */
  readonly counts: ReadonlyArray<number>
}

export const RELATIVE_ERROR = 0.01

const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)

/** The natural logarithm of the factor between the bounds of a bucket. */
export const LN_GAMMA = Math.log(GAMMA)

/** The bucket of zero, which no logarithm has a place for. */
export const ZERO_BUCKET = -1

export const emptySketch: Sketch = { buckets: [], counts: [] }

/** The bucket of a whole number of milliseconds: bucket `i` has the values over γ^(i-1), up to γ^i. */
export const bucketOf = (latency_ms: number): number =>
  latency_ms === 0 ? ZERO_BUCKET : Math.ceil(Math.log(latency_ms) / LN_GAMMA)

/** The value that stands for a bucket: no value in it is farther away than `RELATIVE_ERROR` of itself. */
const valueOf = (bucket: number): number =>
  bucket === ZERO_BUCKET ? 0 : (2 * Math.exp(bucket * LN_GAMMA)) / (GAMMA + 1)

const sketchOfCounts = (counts: ReadonlyMap<number, number>): Sketch => {
  const buckets = [...counts.keys()].toSorted((a, b) => a - b)
  return { buckets, counts: buckets.map((bucket) => counts.get(bucket)!) }
}

export const sketchOf = (latencies: ReadonlyArray<number>): Sketch =>
  latencies
    .map((latency) => ({ buckets: [bucketOf(latency)], counts: [1] }))
    .reduce(mergeSketches, emptySketch)

/** The sketch of all the values of both. */
export function mergeSketches(left: Sketch, right: Sketch): Sketch {
  const counts = new Map<number, number>()
  for (const sketch of [left, right]) {
    for (const [index, bucket] of sketch.buckets.entries()) {
      counts.set(bucket, (counts.get(bucket) ?? 0) + sketch.counts[index]!)
    }
  }
  return sketchOfCounts(counts)
}

/** The value that a share `q` (over 0, up to 1) of all values does not exceed, by nearest rank; null of no values. */
export const quantile = ({ buckets, counts }: Sketch, q: number): number | null => {
  const total = counts.reduce((sum, count) => sum + count, 0)
  const rank = Math.ceil(q * total)
  let below = 0
  for (const [index, count] of counts.entries()) {
    below += count
    if (below >= rank) return valueOf(buckets[index]!)
  }
  return null
}
