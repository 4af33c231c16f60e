import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, References, Scope } from "effect"
import { makeFibers } from "../../src/services/fibers.ts"

describe("fibers", () => {
  it.effect("are waited for, also those that begin while others are waited for", () =>
    Effect.gen(function* () {
      const fibers = yield* makeFibers
      const [first, second] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
      yield* fibers.fork(Deferred.await(first))
      const empty = yield* Effect.forkChild(fibers.awaitEmpty, { startImmediately: true })
      fibers.run(Deferred.await(second))
      assert.strictEqual(fibers.size(), 2)
      yield* Deferred.succeed(first, undefined)
      yield* Effect.yieldNow
      assert.isUndefined(empty.pollUnsafe())
      yield* Deferred.succeed(second, undefined)
      yield* Fiber.join(empty)
      assert.strictEqual(fibers.size(), 0)
    })
  )

  it.effect("are interrupted when the scope closes, and none begins after that", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const fibers = yield* Scope.provide(makeFibers, scope)
      const ended: Array<string> = []
      const work = (name: string) => Effect.onExit(Effect.never, () => Effect.sync(() => ended.push(name)))
      yield* fibers.fork(work("first"))
      fibers.run(work("second"))
      yield* Effect.yieldNow
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(ended, ["first", "second"])

      let begun = 0
      const late = [yield* fibers.fork(Effect.sync(() => begun++)), fibers.run(Effect.sync(() => begun++))]
      const exits = yield* Fiber.awaitAll(late)
      assert.isTrue(exits.every(Exit.hasInterrupts))
      assert.strictEqual(begun, 0)
    })
  )

  it.effect("have the context of who forks them, and outlive it", () =>
    Effect.gen(function* () {
      const fibers = yield* makeFibers
      const goOn = yield* Deferred.make<void>()
      const work = Effect.andThen(Deferred.await(goOn), References.CurrentLogAnnotations)
      const forked = yield* Deferred.make<Fiber.Fiber<Record<string, unknown>>>()
      const caller = yield* fibers.fork(work).pipe(
        Effect.flatMap((fiber) => Deferred.succeed(forked, fiber)),
        Effect.andThen(Effect.never),
        Effect.annotateLogs("request_id", "r-1"),
        Effect.forkChild
      )
      const fiber = yield* Deferred.await(forked)
      yield* Fiber.interrupt(caller)
      yield* Deferred.succeed(goOn, undefined)
      assert.deepInclude(yield* Fiber.join(fiber), { request_id: "r-1" })
    })
  )

  it.effect("that have ended are not among those that are interrupted", () =>
    Effect.gen(function* () {
      const fibers = yield* makeFibers
      const ended = yield* fibers.fork(Effect.succeed(1))
      const under = yield* fibers.fork(Effect.never)
      assert.strictEqual(fibers.size(), 1)
      yield* fibers.interruptAll
      assert.deepStrictEqual(yield* Fiber.await(ended), Exit.succeed(1))
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(under)))
      assert.strictEqual(fibers.size(), 0)
    })
  )
})
