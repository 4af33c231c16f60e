import type { Measured } from "./limits/loop.ts"
import type { Sample } from "./load.ts"
import type { Statements } from "./statements.ts"

/** What one round measured, by name: `read.perSecond`, `read.cpu` and so on. */
export type Figures = Record<string, number>

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** The figures of a round, each of what was measured under the name of what was done. */
export const makeFigures = () => {
  const figures: Figures = {}
  const note = (name: string, values: object) => {
    for (const [key, value] of Object.entries(values)) figures[`${name}.${key}`] = value
  }
  return {
    figures,
    sample: (name: string, { sent, ...sample }: Sample, statements?: Statements) => {
      note(name, sample)
      if (statements !== undefined) figures[`${name}.statements`] = statements.calls / sent
    },
    measured: (all: Record<string, Measured>) => {
      for (const [name, values] of Object.entries(all)) note(name, values)
    },
    note
  }
}
