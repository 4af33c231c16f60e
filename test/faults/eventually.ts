import { Effect } from "effect"

const EVERY = 50

/** Polls until something is there, and gives it; dies when it is not there in time. */
export const eventually = <A, E, R>(
  what: string,
  look: Effect.Effect<A | undefined | false, E, R>,
  within = 20_000
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const deadline = Date.now() + within
    for (;;) {
      const found = yield* look
      if (found !== undefined && found !== false) return found
      if (Date.now() > deadline) {
        return yield* Effect.die(new Error(`not within ${within / 1_000} s: ${what}`))
      }
      yield* Effect.sleep(EVERY)
    }
  })
