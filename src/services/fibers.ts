import { Effect, Fiber } from "effect"
import type { Scope } from "effect"
import { Slab } from "./Slab.ts"

/** Fibers under way: a `FiberSet` for those that come and go by the thousand a second. */
export interface Fibers {
  readonly size: () => number
  /** Starts a fiber at once, as the caller's. */
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
  const runFork = Effect.runForkWith(yield* Effect.context())
  const underWay = new Slab<Fiber.Fiber<unknown, unknown>>()
  const add = <A, E>(fiber: Fiber.Fiber<A, E>) => {
    fiber.addObserver(underWay.add(fiber))
    return fiber
  }
  let closed = false
  const unlessClosed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => (closed ? Effect.interrupt : effect))
  const interruptAll = Effect.suspend(() => Fiber.interruptAll(underWay.all()))
  yield* Effect.addFinalizer(() => {
    closed = true
    return interruptAll
  })
  return {
    size: () => underWay.size,
    fork: (effect) => Effect.map(Effect.forkDetach(unlessClosed(effect), { startImmediately: true }), add),
    run: (effect) => add(runFork(unlessClosed(effect))),
    awaitEmpty: Effect.whileLoop({
      while: () => underWay.size > 0,
      body: () => Fiber.awaitAll(underWay.all()),
      step: () => {}
    }),
    interruptAll
  }
})
