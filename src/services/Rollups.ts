import { Context, Effect, Layer } from "effect"
import { KeyStore } from "./KeyStore.ts"
import { RollupStore } from "./RollupStore.ts"

/** Executions that are folded by one statement: few enough to be done within its time limit on a busy server. */
const FOLDED = 1_000

/** Keeps the rollups that analytics read: folds ended executions into them, and can make them anew. */
export class Rollups extends Context.Service<
  Rollups,
  {
    /** Folds ended executions until none is left, and says how many. */
    readonly fold: Effect.Effect<number>
    /** Makes all rollups anew of the executions, project by project, and says how many it counted. */
    readonly rebuild: Effect.Effect<number>
  }
>()("promptledger/services/Rollups") {
  static readonly layer = Layer.effect(
    Rollups,
    Effect.gen(function* () {
      const store = yield* RollupStore
      const keys = yield* KeyStore

      const fold = Effect.gen(function* () {
        let total = 0
        let folded
        do {
          folded = yield* store.fold(FOLDED)
          total += folded
        } while (folded === FOLDED)
        return total
      }).pipe(Effect.withSpan("Rollups.fold"))

      const rebuild = Effect.gen(function* () {
        let total = 0
        for (const { project_id, name } of yield* keys.projects) {
          yield* Effect.logInfo(`project '${name}': counting its executions`)
          const executions = yield* store.rebuild(project_id)
          yield* Effect.logInfo(`project '${name}': made the rollups of ${executions} ended executions`)
          total += executions
        }
        return total
      }).pipe(Effect.withSpan("Rollups.rebuild"))

      return Rollups.of({ fold, rebuild })
    })
  )
}
