import { Effect, References } from "effect"

/** A span of that name, for what is done often: where nothing is traced it costs next to nothing. */
export const spanned =
  (name: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    References.TracerEnabled.use((enabled) => (enabled ? Effect.withSpan(self, name) : self))
