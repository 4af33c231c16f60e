import { median } from "./figures.ts"
import type { Figures } from "./figures.ts"
import { goals } from "./goals.ts"
import type { Reached } from "./goals.ts"
import { provenance } from "./machine.ts"
import { markdownTable } from "./markdown.ts"

export const rounded = (value: number) => Number(value.toPrecision(4))

/** How every goal was met, of those whose figures were measured. */
export const reachedOf = (rounds: ReadonlyArray<Figures>): ReadonlyArray<Reached> =>
  goals.flatMap((goal) => {
    const values = rounds.map(goal.of).filter((value) => !Number.isNaN(value))
    if (values.length === 0) return []
    const reached = median(values)
    const met = goal.better === "more" ? reached >= goal.goal : reached <= goal.goal
    return [{ ...goal, reached, rounds: values, met }]
  })

const shown = (value: number, unit: Reached["unit"]) => {
  const whole = (unit === "statements" || unit === "rows") && Number.isInteger(value)
  const digits = whole || Math.abs(value) >= 100 ? 0 : value >= 10 ? 1 : 2
  const number = value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return unit === "×" ? `${number} ×` : unit === "/s" ? `${number}/s` : `${number} ${unit}`
}

const goalOf = ({ better, goal, unit }: Reached) =>
  `${better === "more" ? "≥" : "≤"} ${shownGoal(goal, unit)}`
const shownGoal = (goal: number, unit: Reached["unit"]) =>
  `${goal.toLocaleString("en")}${unit === "/s" ? "" : " "}${unit}`

/** The table of goals, in Markdown. */
export const table = (reached: ReadonlyArray<Reached>): string => {
  const rows = reached.map((one) => [
    one.name,
    goalOf(one),
    shown(one.reached, one.unit),
    one.met ? "met" : "**not met**"
  ])
  return markdownTable([["", "goal", "reached", ""], ...rows])
}

interface Notes {
  readonly quick: boolean
  readonly seconds: number
  readonly statements: string
  readonly peers: string
}

/** All that was measured, for `results.json`. */
export const results = (rounds: ReadonlyArray<Figures>, reached: ReadonlyArray<Reached>, notes: Notes) => {
  const names = [...new Set(rounds.flatMap(Object.keys))]
  return {
    ...provenance(),
    ...notes,
    rounds: rounds.length,
    goals: reached.map(({ name, unit, goal, better, reached: value, met, rounds: values }) => ({
      name,
      goal: `${better === "more" ? ">=" : "<="} ${goal}`,
      unit,
      reached: rounded(value),
      met,
      rounds: values.map(rounded)
    })),
    figures: Object.fromEntries(
      names.map((name) => {
        const values = rounds.flatMap((figures) => figures[name] ?? [])
        return [name, { median: rounded(median(values)), rounds: values.map(rounded) }]
      })
    )
  }
}
