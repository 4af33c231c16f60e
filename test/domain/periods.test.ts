import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { piecesOf, wholePart } from "../../src/domain/periods.ts"
import type { Grain, Piece, PiecesOptions, Span } from "../../src/domain/periods.ts"
import { isIn } from "../support/isIn.ts"

const ALL: ReadonlyArray<Grain> = ["ever", "month", "week", "day", "hour"]
const [YEAR_1, YEAR_9999] = [-62_135_596_800_000, 253_402_300_799_999]
const millis = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

/** Instants of all times, in milliseconds; small numbers are half hours, near each other and at the start of periods. */
const Near = millis(-3_000, 3_000)
const Instant = Schema.Union([millis(YEAR_1, YEAR_9999), Near])
const toDate = (number: number) => new Date(Math.abs(number) <= 3_000 ? number * 1_800_000 : number)

/** A span between two of them, and from which grain on it is taken apart. */
const spansOf = (instant: typeof Near | typeof Instant) => ({
  from: Schema.UndefinedOr(instant),
  to: Schema.UndefinedOr(instant),
  coarsest: Schema.Literals([0, 1, 2, 3, 4])
})
const takenApart = ({ from, to, coarsest }: Given, options: PiecesOptions) => {
  const span: Span = {
    from: from === undefined ? undefined : toDate(from),
    to: to === undefined ? undefined : toDate(to)
  }
  return { span, pieces: piecesOf(span, ALL.slice(coarsest), options) }
}
interface Given {
  readonly from: number | undefined
  readonly to: number | undefined
  readonly coarsest: number
}

const START = {
  hour: /T\d{2}:00:00\.000Z$/,
  day: /T00:00:00\.000Z$/,
  month: /-01T00:00:00\.000Z$/
}
const MONDAY = 1
const startsOne = (grain: keyof typeof START | "week", instant: Date | undefined) =>
  instant === undefined ||
  (grain === "week"
    ? instant.getUTCDay() === MONDAY && START.day.test(instant.toISOString())
    : START[grain].test(instant.toISOString()))

const told = (pieces: ReadonlyArray<Piece>) =>
  pieces.map(({ grain, span, sign }) => [
    grain,
    span.from?.toISOString(),
    span.to?.toISOString(),
    ...(sign < 0 ? ["taken away"] : [])
  ])

describe("the pieces of a span", () => {
  it.prop("follow each other without gap, of whole periods, and are the span", spansOf(Instant), (given) => {
    const { span, pieces } = takenApart(given, { subtract: false })
    assert.isAtMost(pieces.length, 11)
    assert.deepStrictEqual(pieces[0]!.span.from, span.from)
    assert.deepStrictEqual(pieces.at(-1)!.span.to, span.to)
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) assert.deepStrictEqual(piece.span.from, pieces[index - 1]!.span.to)
      if (piece.grain === "none" || piece.grain === "ever") continue
      assert.isTrue(startsOne(piece.grain, piece.span.from) && startsOne(piece.grain, piece.span.to))
      assert.isTrue(
        piece.span.from === undefined || piece.span.to === undefined || piece.span.from < piece.span.to
      )
    }
    const partial = pieces.filter(({ grain }) => grain === "none")
    for (const { span: edge } of partial) {
      if (edge.from === undefined || edge.to === undefined || pieces.length === 1) continue
      assert.isBelow(edge.to.getTime() - edge.from.getTime(), 3_600_000)
    }
  })

  it("are as coarse as fits", () => {
    const span = { from: new Date("2026-01-30T22:30:00Z"), to: new Date("2026-03-02T01:15:00Z") }
    const pieces = piecesOf(span, ALL, { subtract: false })
    assert.deepStrictEqual(told(pieces), [
      ["none", "2026-01-30T22:30:00.000Z", "2026-01-30T23:00:00.000Z"],
      ["hour", "2026-01-30T23:00:00.000Z", "2026-01-31T00:00:00.000Z"],
      ["day", "2026-01-31T00:00:00.000Z", "2026-02-01T00:00:00.000Z"],
      ["month", "2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"],
      ["day", "2026-03-01T00:00:00.000Z", "2026-03-02T00:00:00.000Z"],
      ["hour", "2026-03-02T00:00:00.000Z", "2026-03-02T01:00:00.000Z"],
      ["none", "2026-03-02T01:00:00.000Z", "2026-03-02T01:15:00.000Z"]
    ])
    assert.deepStrictEqual(wholePart(span), {
      from: new Date("2026-01-30T23:00:00Z"),
      to: new Date("2026-03-02T01:00:00Z")
    })
    assert.deepStrictEqual(told(piecesOf({}, ALL, { subtract: false })), [["ever", undefined, undefined]])
  })

  it("are fewer where one may be taken away from another", () => {
    const pieces = (from: string, to?: string) =>
      told(
        piecesOf({ from: new Date(from), ...(to !== undefined && { to: new Date(to) }) }, ALL, {
          subtract: true
        })
      )
    assert.deepStrictEqual(pieces("2026-01-03T02:30:00Z"), [
      ["none", "2026-01-03T02:30:00.000Z", "2026-01-03T03:00:00.000Z"],
      ["day", "2026-01-01T00:00:00.000Z", "2026-01-03T00:00:00.000Z", "taken away"],
      ["hour", "2026-01-03T00:00:00.000Z", "2026-01-03T03:00:00.000Z", "taken away"],
      ["month", "2026-01-01T00:00:00.000Z", undefined]
    ])
    assert.deepStrictEqual(pieces("2026-01-03T22:00:00Z", "2026-01-05T23:00:00Z"), [
      ["hour", "2026-01-03T22:00:00.000Z", "2026-01-04T00:00:00.000Z"],
      ["day", "2026-01-04T00:00:00.000Z", "2026-01-06T00:00:00.000Z"],
      ["hour", "2026-01-05T23:00:00.000Z", "2026-01-06T00:00:00.000Z", "taken away"]
    ])
    assert.deepStrictEqual(pieces("2026-01-03T10:00:00Z", "2026-01-03T14:00:00Z"), [
      ["hour", "2026-01-03T10:00:00.000Z", "2026-01-03T14:00:00.000Z"]
    ])
  })

  it.prop(
    "are together the span, however they are taken away from each other, and are few",
    spansOf(Near),
    (given) => {
      const { span, pieces } = takenApart(given, { subtract: true })
      const halves = Array.from({ length: 6_200 }, (_, index) => new Date((index - 3_100) * 1_800_000 + 1))
      const wrong = halves.filter(
        (instant) =>
          pieces.reduce((sum, piece) => sum + (isIn(piece.span, instant) ? piece.sign : 0), 0) !==
          (isIn(span, instant) ? 1 : 0)
      )
      assert.deepStrictEqual(wrong, [])
      for (const { grain, span: of, sign } of pieces) {
        assert.isTrue(grain !== "none" || sign === 1)
        if (grain === "none" || grain === "ever") continue
        assert.isTrue(startsOne(grain, of.from) && startsOne(grain, of.to))
        if (of.from === undefined || of.to === undefined) continue
        const hours = (of.to.getTime() - of.from.getTime()) / 3_600_000
        if (grain === "hour" && given.coarsest < 4) assert.isAtMost(hours, 24)
        if (grain === "day" && given.coarsest < 3) assert.isAtMost(hours, 6 * 24)
        // Two months that begin in the middle of one may be fewer as weeks.
        if (grain === "week" && given.coarsest < 2) assert.isAtMost(hours, 10 * 7 * 24)
      }
    }
  )

  it("have no whole period when the span is shorter, empty or turned around", () => {
    const [early, late] = [new Date("2026-01-01T10:10:00Z"), new Date("2026-01-01T10:50:00Z")]
    for (const span of [
      { from: early, to: late },
      { from: early, to: early },
      { from: late, to: early }
    ]) {
      for (const subtract of [true, false]) {
        assert.deepStrictEqual(piecesOf(span, ALL, { subtract }), [{ grain: "none", span, sign: 1 }])
      }
      assert.isUndefined(wholePart(span))
    }
  })
})
