import { Effect, Tracer } from "effect"

/** A span of that name, for what is done often: where traces go nowhere it costs next to nothing. */
export const spanned =
  (name: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) =>
      fiber.getRef(Tracer.Tracer) === Tracer.nativeTracer ? self : Effect.withSpan(self, name)
    ) as Effect.Effect<A, E, R>
