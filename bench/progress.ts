import { Effect } from "effect"

/** Tells what is being done, each on a line of its own. */
export type Progress = (step: string) => Effect.Effect<void>

export const makeProgress = (): Progress => {
  const start = performance.now()
  return (step) =>
    Effect.sync(() => {
      const seconds = Math.round((performance.now() - start) / 1_000)
      console.log(`${String(seconds).padStart(4)} s  ${step} …`)
    })
}
