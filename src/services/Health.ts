import { Context, Duration, Effect, Layer } from "effect"
import { ExecutionQueue } from "./ExecutionQueue.ts"
import { Lifecycle } from "./Lifecycle.ts"

/** Whether the database answers. */
export class DatabaseHealth extends Context.Service<DatabaseHealth, { readonly ping: Effect.Effect<void> }>()(
  "promptledger/services/DatabaseHealth"
) {}

export type PartState = "ok" | "unavailable"

export interface Readiness {
  /** Ready when what the service can't do without is there, and it was not told to stop. */
  readonly status: "ready" | "stopping" | "unavailable"
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
      const lifecycle = yield* Lifecycle

      const state = <E>(ping: Effect.Effect<void, E>): Effect.Effect<PartState> =>
        Effect.exit(Effect.timeout(ping, PATIENCE)).pipe(
          Effect.map((exit) => (exit._tag === "Success" ? "ok" : "unavailable"))
        )

      // No key is needed to ask: all that ask at once share one look.
      const look = yield* Effect.cachedWithTTL(
        Effect.all({ database: state(database.ping), queue: state(queue.ping) }, { concurrency: 2 }),
        Duration.zero
      )

      return Health.of({
        ready: Effect.gen(function* () {
          const parts = yield* look
          if (yield* lifecycle.stopping) return { status: "stopping", parts }
          // Without the queue nothing is lost and nothing refused: executions only start later.
          return { status: parts.database === "ok" ? "ready" : "unavailable", parts }
        })
      })
    })
  )
}
