import { Deferred, Effect, Exit } from "effect"
import { outageOf } from "./bulkhead.ts"
import { isLocked } from "./orDefect.ts"

/**
 * Of operations that come at once, one is carried out. The others wait for its end, without a connection each, before
 * they go on in their own way; where it found the database unavailable they are answered with that.
 */
export const makeFirstOfMany = () => {
  let underWay: Deferred.Deferred<void> | undefined

  return <A, E, R>(first: Effect.Effect<A, E, R>, afterAnother: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      if (underWay !== undefined) return Effect.andThen(Deferred.await(underWay), afterAnother)
      const ended = Deferred.makeUnsafe<void>()
      return Effect.suspend(() => {
        underWay = ended
        return first
      }).pipe(
        Effect.onExit((exit) => {
          underWay = undefined
          const outage = Exit.isFailure(exit) ? outageOf(exit.cause) : undefined
          const isOver = outage === undefined || isLocked(outage)
          return Deferred.done(ended, isOver ? Exit.void : Exit.die(outage))
        })
      )
    })
}
