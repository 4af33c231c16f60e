import { Context, Deferred, Effect, Layer, Metric, Schedule } from "effect"
import type { Scope } from "effect"
import { ExecutionStore } from "./ExecutionStore.ts"
import type { Lease } from "./ExecutionStore.ts"
import { leasesLost } from "./instruments.ts"
import { Settings } from "./Settings.ts"

/** Keeps this process's leases alive, all with one statement a heartbeat, and learns by it which are gone. */
export class Leases extends Context.Service<
  Leases,
  {
    /**
     * Keeps a lease until the scope closes. The effect that it gives ends when the lease is lost, by a cancel or to
     * another worker.
     */
    readonly keep: (lease: Lease) => Effect.Effect<Effect.Effect<void>, never, Scope.Scope>
  }
>()("promptledger/services/Leases") {
  static readonly layer = Layer.effect(
    Leases,
    Effect.gen(function* () {
      const store = yield* ExecutionStore
      const { heartbeat, lease: duration } = yield* Settings
      const held = new Map<Lease, Deferred.Deferred<void>>()

      const renew = Effect.gen(function* () {
        const leases = [...held.keys()]
        if (leases.length === 0) return
        const kept = yield* store.renew(leases, duration)
        const epochs = new Map(kept.map(({ execution_id, epoch }) => [execution_id, epoch]))
        for (const lease of leases) {
          if (epochs.get(lease.execution_id) === lease.epoch) continue
          const lost = held.get(lease)
          if (lost === undefined) continue
          yield* Metric.update(leasesLost, 1)
          yield* Deferred.succeed(lost, undefined)
        }
      })
      yield* renew.pipe(
        Effect.catchCause((cause) => Effect.logWarning("leases were not renewed", cause)),
        Effect.repeat(Schedule.spaced(heartbeat)),
        Effect.delay(heartbeat),
        Effect.forkScoped
      )

      return Leases.of({
        keep: (lease) =>
          Effect.acquireRelease(
            Effect.sync(() => {
              const lost = Deferred.makeUnsafe<void>()
              held.set(lease, lost)
              return Deferred.await(lost)
            }),
            () => Effect.sync(() => held.delete(lease))
          )
      })
    })
  )
}
