/** Random numbers that a seed repeats. */
export interface Random {
  /** From 0 to 1, without 1. */
  readonly next: () => number
  /** A whole number from 0, below `bound`. */
  readonly below: (bound: number) => number
  readonly pick: <A>(from: ReadonlyArray<A>) => A
}

/** Mulberry32. */
export const randomOf = (seed: number): Random => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (bound: number) => Math.floor(next() * bound)
  return { next, below, pick: (from) => from[below(from.length)]! }
}

/** The run's seed. */
export const SEED = Number(process.env["SEED"])
