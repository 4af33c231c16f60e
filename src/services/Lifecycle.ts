import { Context, Effect, Layer } from "effect"
import type { Scope } from "effect"

/**
 * How a process ends, in two stages: when it is told to stop it takes no more work and brings to an end what is under
 * way, still answering; and then its layers are taken down.
 */
export class Lifecycle extends Context.Service<
  Lifecycle,
  {
    /** Whether the process was told to stop. */
    readonly stopping: Effect.Effect<boolean>
    /** Has work brought to an end when the process is told to stop, or else when the scope closes: once. */
    readonly onStop: (drain: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
    /** Tells that the process is to stop, and waits until all that was under way has been brought to an end. */
    readonly stop: Effect.Effect<void>
  }
>()("promptledger/services/Lifecycle") {
  /**
   * Tells the process to stop when it is taken down itself: before what it is built on, such as a server, which would
   * wait for polls that wait for their time, and break off what has not ended by then.
   */
  static readonly layerStop = Layer.effectDiscard(
    Effect.flatMap(Lifecycle, ({ stop }) => Effect.addFinalizer(() => stop))
  )

  static readonly layer = Layer.sync(Lifecycle, () => {
    const drains = new Set<Effect.Effect<void>>()
    let stopping = false
    return Lifecycle.of({
      stopping: Effect.sync(() => stopping),
      onStop: (drain) =>
        Effect.acquireRelease(
          Effect.tap(Effect.cached(drain), (once) => Effect.sync(() => drains.add(once))),
          (once) =>
            Effect.andThen(
              once,
              Effect.sync(() => drains.delete(once))
            )
        ).pipe(Effect.asVoid),
      stop: Effect.suspend(() => {
        stopping = true
        return Effect.all([...drains], { concurrency: "unbounded", discard: true })
      })
    })
  })
}
