/** How long the periods are that executions are rolled up by, in UTC. `ever` is one period without end. */
export type Grain = "hour" | "day" | "month" | "ever"

/** From one instant up to another, which is not in it; without one, from or to ever. */
export interface Span {
  readonly from?: Date | undefined
  readonly to?: Date | undefined
}

/**
 * A part of what makes up a span: whole periods of a grain, which count for it or, with the sign -1, are taken away
 * again; or no whole period, whose executions are looked at one by one.
 */
export interface Piece {
  readonly grain: Grain | "none"
  readonly span: Span
  readonly sign: 1 | -1
}

type Finite = Exclude<Grain, "ever">

/** The start of the period that an instant is in, `more` periods on. */
const startOf = (grain: Finite, instant: Date, more = 0): Date => {
  const [year, month, day, hour] = [
    instant.getUTCFullYear(),
    instant.getUTCMonth(),
    instant.getUTCDate(),
    instant.getUTCHours()
  ]
  const start = new Date(0)
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  if (grain === "month") start.setUTCFullYear(year, month + more, 1)
  else start.setUTCFullYear(year, month, grain === "day" ? day + more : day)
  if (grain === "hour") start.setUTCHours(hour + more)
  return start
}

/** The first start of a period that is not before an instant. */
const nextStart = (grain: Finite, instant: Date): Date => {
  const start = startOf(grain, instant)
  return start < instant ? startOf(grain, instant, 1) : start
}

const isEmpty = ({ from, to }: Span) => from !== undefined && to !== undefined && from >= to

/** The whole hours of a span; nothing when there is none. */
export const wholePart = ({ from, to }: Span): Span | undefined => {
  const whole = {
    from: from === undefined ? undefined : nextStart("hour", from),
    to: to === undefined ? undefined : startOf("hour", to)
  }
  return isEmpty(whole) ? undefined : whole
}

export interface PiecesOptions {
  /** Whether periods may be taken away from coarser ones, where that is fewer. */
  readonly subtract: boolean
}

/**
 * Takes a span apart into few whole periods of the grains that may be used (they come coarsest first, and end with the
 * hour), and what is left of hours at its edges. The pieces add up to the span; where nothing may be taken away they
 * follow each other.
 */
export const piecesOf = (
  span: Span,
  grains: ReadonlyArray<Grain>,
  options: PiecesOptions
): ReadonlyArray<Piece> => {
  const whole = wholePart(span)
  if (whole === undefined) return [{ grain: "none", span, sign: 1 }]
  return [
    ...rest({ from: span.from, to: whole.from }),
    ...periodsOf(whole, grains, options),
    ...rest({ from: whole.to, to: span.to })
  ]
}

const rest = (span: Span): ReadonlyArray<Piece> =>
  span.from === undefined || span.to === undefined || isEmpty(span) ? [] : [{ grain: "none", span, sign: 1 }]

/** The fewest periods that make up a span of whole hours. */
const periodsOf = (
  span: Span,
  [grain, ...finer]: ReadonlyArray<Grain>,
  options: PiecesOptions
): ReadonlyArray<Piece> => {
  if (grain === undefined || isEmpty(span)) return []
  const { from, to } = span
  if (grain === "ever") {
    return from === undefined && to === undefined
      ? [{ grain, span, sign: 1 }]
      : periodsOf(span, finer, options)
  }
  const bounds = (inner: Date, outer: Date) =>
    options.subtract && inner.getTime() !== outer.getTime() ? [inner, outer] : [inner]
  const starts = from === undefined ? [undefined] : bounds(nextStart(grain, from), startOf(grain, from))
  const ends = to === undefined ? [undefined] : bounds(startOf(grain, to), nextStart(grain, to))
  /** What is missing between two instants in this order, or, the other way around, too much. */
  const edge = (start: Date | undefined, end: Date | undefined): ReadonlyArray<Piece> => {
    if (start === undefined || end === undefined) return []
    return start <= end
      ? periodsOf({ from: start, to: end }, finer, options)
      : edge(end, start).map((piece) => ({ ...piece, sign: piece.sign === 1 ? -1 : 1 }))
  }
  const ways = starts
    .flatMap((start) => ends.map((end) => ({ from: start, to: end })))
    .filter((whole) => !isEmpty(whole))
    .map((whole): ReadonlyArray<Piece> => [
      ...edge(from, whole.from),
      { grain, span: whole, sign: 1 },
      ...edge(whole.to, to)
    ])
  if (finer.length > 0) ways.push(periodsOf(span, finer, options))
  return ways.reduce((best, way) => (lengthOf(way) < lengthOf(best) ? way : best))
}

const HOURS = { hour: 1, day: 24, month: 730 }
/** Further from the epoch than any instant is, for what has no end. */
const FAR = 1e16

/** How many periods there are in pieces, about. */
const lengthOf = (pieces: ReadonlyArray<Piece>): number =>
  pieces.reduce((sum, { grain, span: { from, to } }) => {
    const hours = ((to?.getTime() ?? FAR) - (from?.getTime() ?? -FAR)) / 3_600_000
    return grain === "none" || grain === "ever" ? sum : sum + hours / HOURS[grain]
  }, 0)
