import { Context, Effect, Layer } from "effect"
import { inBatches } from "./batches.ts"
import type { WhenTaken } from "./batches.ts"
import { KeyStore } from "./KeyStore.ts"
import { everyPage, paged } from "./Page.ts"
import type { PageRequest } from "./Page.ts"
import { RollupStore } from "./RollupStore.ts"

/** Executions that one statement folds at most. */
const FOLDED = 1_000

/** Keeps the rollups that analytics read: folds ended executions into them, and can make them anew. */
export class Rollups extends Context.Service<
  Rollups,
  {
    /** Folds ended executions until none is left or another process is at it, and says how many. */
    readonly fold: Effect.Effect<number>
    /** Folds ended executions until none is left, waiting for its turn where another process is at it; says how many. */
    readonly foldAll: Effect.Effect<number>
    /** Makes all rollups anew of the executions, project by project, and says how many it counted. */
    readonly rebuild: Effect.Effect<number>
  }
>()("promptledger/services/Rollups") {
  static readonly layer = Layer.effect(
    Rollups,
    Effect.gen(function* () {
      const store = yield* RollupStore
      const keys = yield* KeyStore
      const projects = everyPage((page: PageRequest<string>) =>
        paged(
          page,
          (more) => keys.projects(undefined, more),
          ({ name }) => name
        )
      )

      const foldBy = Effect.fn("Rollups.fold")(function* (whenTaken: WhenTaken) {
        let total = 0
        const onBatch = (folded: number) =>
          Effect.sync(() => {
            total += folded
          })
        yield* inBatches(store.fold, { size: FOLDED, whenTaken, onBatch })
        return total
      })

      const rebuild = Effect.gen(function* () {
        let total = 0
        for (const { project_id, name } of yield* projects) {
          yield* Effect.logInfo(`project '${name}': counting its executions`)
          const executions = yield* store.rebuild(project_id)
          yield* Effect.logInfo(`project '${name}': made the rollups of ${executions} ended executions`)
          total += executions
        }
        return total
      }).pipe(Effect.withSpan("Rollups.rebuild"))

      return Rollups.of({ fold: foldBy("leave"), foldAll: foldBy("wait"), rebuild })
    })
  )
}
