import { Effect, Logger } from "effect"

/** What an effect gives, and what it logs meanwhile: a JSON object a line. */
export const logged = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const lines: Array<any> = []
  const logger = Logger.make((entry) => void lines.push(JSON.parse(Logger.formatJson.log(entry))))
  const value = yield* Effect.provide(effect, Logger.layer([logger]))
  return { value, lines }
})
