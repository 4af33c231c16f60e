import { Context, Effect, Layer } from "effect"
import { ExecutionQueue } from "./ExecutionQueue.ts"

/** Whether the database answers. */
export class DatabaseHealth extends Context.Service<DatabaseHealth, { readonly ping: Effect.Effect<void> }>()(
  "promptledger/services/DatabaseHealth"
) {}

export type PartState = "ok" | "unavailable"

export interface Readiness {
  /** The service can do its work: what it can't do without is there. */
  readonly ready: boolean
  readonly parts: { readonly database: PartState; readonly queue: PartState }
}

const PATIENCE = "1 second"

/** Tells whether this process can serve, part by part. */
export class Health extends Context.Service<Health, { readonly ready: Effect.Effect<Readiness> }>()(
  "promptledger/services/Health"
) {
  static readonly layer = Layer.effect(
    Health,
    Effect.gen(function* () {
      const database = yield* DatabaseHealth
      const queue = yield* ExecutionQueue

      const state = <E>(ping: Effect.Effect<void, E>): Effect.Effect<PartState> =>
        Effect.exit(Effect.timeout(ping, PATIENCE)).pipe(
          Effect.map((exit) => (exit._tag === "Success" ? "ok" : "unavailable"))
        )

      return Health.of({
        ready: Effect.all(
          { database: state(database.ping), queue: state(queue.ping) },
          { concurrency: 2 }
        ).pipe(
          // Without the queue nothing is lost and nothing refused: executions only start later.
          Effect.map((parts) => ({ ready: parts.database === "ok", parts }))
        )
      })
    })
  )
}
