import { Effect, Fiber } from "effect"
import type { Context, Scope } from "effect"
import { Slab } from "./Slab.ts"

/** Fibers under way: a `FiberSet` for those that come and go by the thousand a second. */
export interface Fibers {
  readonly size: () => number
  /** Starts a fiber at once, in the caller's context; it outlives the caller. */
  readonly fork: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<Fiber.Fiber<A, E>, never, R>
  /** Starts a fiber from where there is no caller. */
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Fiber.Fiber<A, E>
  /** Waits until none is under way. */
  readonly awaitEmpty: Effect.Effect<void>
  /** Interrupts all, and waits for their ends. */
  readonly interruptAll: Effect.Effect<void>
}

/** None yet. Those that are under way when the scope closes are interrupted, and none is begun any more. */
export const makeFibers: Effect.Effect<Fibers, never, Scope.Scope> = Effect.gen(function* () {
  const own = yield* Effect.context()
  const underWay = new Slab<Fiber.Fiber<unknown, unknown>>()
  let closed = false
  const start = <A, E, R>(context: Context.Context<R>, effect: Effect.Effect<A, E, R>) => {
    const fiber = Effect.runForkWith(context)(closed ? Effect.interrupt : effect)
    fiber.addObserver(underWay.add(fiber))
    return fiber
  }
  const interruptAll = Effect.suspend(() => Fiber.interruptAll(underWay.all()))
  yield* Effect.addFinalizer(() => {
    closed = true
    return interruptAll
  })
  return {
    size: () => underWay.size,
    // Started and added in one step, so that none is under way that is not among them.
    fork: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.contextWith((context: Context.Context<R>) => Effect.succeed(start(context, effect))),
    run: (effect) => start(own, effect),
    awaitEmpty: Effect.whileLoop({
      while: () => underWay.size > 0,
      // One at a time: to wait for all would keep what they gave until the last has ended.
      body: () => Fiber.await(underWay.all()[0]!),
      step: () => {}
    }),
    interruptAll
  }
})
