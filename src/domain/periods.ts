/** How long the periods are that executions are rolled up by, in UTC. `ever` is one period without end. */
export type Grain = "hour" | "day" | "month" | "ever"

/** From one instant up to another, which is not in it; without one, from or to ever. */
export interface Span {
  readonly from?: Date | undefined
  readonly to?: Date | undefined
}

/** A part of a span: whole periods of a grain, or no whole period, whose executions are looked at one by one. */
export interface Piece {
  readonly grain: Grain | "none"
  readonly span: Span
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

/**
 * Takes a span apart into whole periods, each as coarse as fits (the grains that may be used come coarsest first), and
 * what is left at its edges. The pieces are disjoint, and together they are the span.
 */
export const piecesOf = (span: Span, [grain, ...finer]: ReadonlyArray<Grain>): ReadonlyArray<Piece> => {
  if (grain === undefined) return [{ grain: "none", span }]
  const { from, to } = span
  if (grain === "ever") {
    return from === undefined && to === undefined ? [{ grain, span }] : piecesOf(span, finer)
  }
  const whole = {
    from: from === undefined ? undefined : nextStart(grain, from),
    to: to === undefined ? undefined : startOf(grain, to)
  }
  if (isEmpty(whole)) return piecesOf(span, finer)
  const before = from === undefined ? [] : edge({ from, to: whole.from }, finer)
  const after = to === undefined ? [] : edge({ from: whole.to, to }, finer)
  return [...before, { grain, span: whole }, ...after]
}

const edge = (span: Span, grains: ReadonlyArray<Grain>) => (isEmpty(span) ? [] : piecesOf(span, grains))

/** The part of a span that its whole periods make up together; nothing when there is none. */
export const wholePart = (pieces: ReadonlyArray<Piece>): Span | undefined => {
  const whole = pieces.filter(({ grain }) => grain !== "none")
  return whole.length === 0 ? undefined : { from: whole[0]!.span.from, to: whole.at(-1)!.span.to }
}
