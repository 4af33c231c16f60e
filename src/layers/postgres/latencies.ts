import { ZERO_BUCKET } from "../../domain/sketch.ts"
import type { Sketch } from "../../domain/sketch.ts"

/*
 * A sketch of latencies as one number, so that the database merges sketches as it adds numbers: each bucket has `DIGITS`
 * decimal digits for its count, the lowest bucket the last of them. Four digits are one of PostgreSQL's own.
 */
const DIGITS = 12

/** The sketch that has one latency, in the bucket of an SQL expression. */
export const sketchOfOne = (bucket: string) => `('1e' || ${DIGITS} * (${bucket} - ${ZERO_BUCKET}))::numeric`

/** The sketch of a number's digits. */
export const sketchOfDigits = (digits: string): Sketch => {
  const buckets: Array<number> = []
  const counts: Array<number> = []
  for (let end = digits.length, bucket = ZERO_BUCKET; end > 0; end -= DIGITS, bucket++) {
    const count = Number(digits.slice(Math.max(0, end - DIGITS), end))
    if (count === 0) continue
    buckets.push(bucket)
    counts.push(count)
  }
  return { buckets, counts }
}
