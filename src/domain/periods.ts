/** How long the periods are that executions are rolled up by, in UTC. Weeks begin on Monday; `ever` is one period without end. */
export type Grain = "hour" | "day" | "week" | "month" | "ever"

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
  switch (grain) {
    case "month":
      start.setUTCFullYear(year, month + more, 1)
      break
    case "week":
      start.setUTCFullYear(year, month, day - ((instant.getUTCDay() + 6) % 7) + 7 * more)
      break
    case "day":
      start.setUTCFullYear(year, month, day + more)
      break
    case "hour":
      start.setUTCFullYear(year, month, day)
      start.setUTCHours(hour + more)
  }
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

/** Few periods that make up a span of whole hours. */
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
  /** The bound of this grain that is nearest to an instant, of those that may be used. */
  const near = (instant: Date, inner: Date, outer: Date) => {
    const distance = (bound: Date) => Math.abs(bound.getTime() - instant.getTime())
    return options.subtract && distance(outer) < distance(inner) ? outer : inner
  }
  /** What is missing between two instants in this order, or, the other way around, too much. */
  const edge = (start: Date | undefined, end: Date | undefined): ReadonlyArray<Piece> => {
    if (start === undefined || end === undefined) return []
    return start <= end
      ? periodsOf({ from: start, to: end }, finer, options)
      : edge(end, start).map((piece) => ({ ...piece, sign: piece.sign === 1 ? -1 : 1 }))
  }
  const whole: Span = {
    from: from && near(from, nextStart(grain, from), startOf(grain, from)),
    to: to && near(to, startOf(grain, to), nextStart(grain, to))
  }
  const fine = periodsOf(span, finer, options)
  if (isEmpty(whole)) return fine
  const coarse = [...edge(from, whole.from), { grain, span: whole, sign: 1 } as const, ...edge(whole.to, to)]
  return finer.length > 0 && lengthOf(fine) < lengthOf(coarse) ? fine : coarse
}

const HOURS = { hour: 1, day: 24, week: 168, month: 730 }
/** Further from the epoch than any instant is, for what has no end. */
const FAR = 1e16

/** How many periods there are in pieces, about. */
const lengthOf = (pieces: ReadonlyArray<Piece>): number =>
  pieces.reduce((sum, { grain, span: { from, to } }) => {
    const hours = ((to?.getTime() ?? FAR) - (from?.getTime() ?? -FAR)) / 3_600_000
    return grain === "none" || grain === "ever" ? sum : sum + hours / HOURS[grain]
  }, 0)
