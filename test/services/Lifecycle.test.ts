import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { Lifecycle } from "../../src/services/Lifecycle.ts"

describe("Lifecycle", () => {
  it.effect("brings to an end all that is under way, together, when it is told to stop, and once", () =>
    Effect.gen(function* () {
      const lifecycle = yield* Lifecycle
      const ended: Array<string> = []
      const cue = yield* Deferred.make<void>()
      yield* Effect.scoped(
        Effect.gen(function* () {
          const drain = (name: string) =>
            Effect.andThen(
              Deferred.await(cue),
              Effect.sync(() => ended.push(name))
            )
          yield* lifecycle.onStop(drain("calls"))
          yield* lifecycle.onStop(drain("requests"))
          assert.isFalse(yield* lifecycle.stopping)
          const stopped = yield* Effect.forkChild(lifecycle.stop, { startImmediately: true })
          assert.isTrue(yield* lifecycle.stopping)
          assert.isUndefined(stopped.pollUnsafe())
          yield* Deferred.succeed(cue, undefined)
          yield* Fiber.join(stopped)
          assert.sameMembers(ended, ["calls", "requests"])
        })
      )
      assert.lengthOf(ended, 2)
    }).pipe(Effect.provide(Lifecycle.layer))
  )

  it.effect("does so too for what is taken down without being told", () =>
    Effect.gen(function* () {
      const lifecycle = yield* Lifecycle
      let ended = 0
      yield* Effect.scoped(lifecycle.onStop(Effect.sync(() => ended++)))
      assert.strictEqual(ended, 1)
      yield* lifecycle.stop
      assert.strictEqual(ended, 1)
    }).pipe(Effect.provide(Lifecycle.layer))
  )

  it.effect("is told when a layer is taken down, before what that is built on", () =>
    Effect.gen(function* () {
      const lifecycle = yield* Lifecycle
      const stopping: Array<boolean> = []
      const below = Layer.effectDiscard(
        Effect.addFinalizer(() =>
          Effect.map(lifecycle.stopping, (is) => {
            stopping.push(is)
          })
        )
      )
      yield* Effect.scoped(Layer.build(Lifecycle.layerStop.pipe(Layer.provide(below))))
      assert.deepStrictEqual(stopping, [true])
    }).pipe(Effect.provide(Lifecycle.layer))
  )
})
