import { Context, Effect, Exit, Fiber, Layer, Metric, Option, Schedule } from "effect"
import { ExecutionStore } from "./ExecutionStore.ts"
import type { Lease } from "./ExecutionStore.ts"
import { leasesLost } from "./instruments.ts"
import { logFailures } from "./logFailures.ts"
import { Settings } from "./Settings.ts"
import { Slab } from "./Slab.ts"

interface Holding {
  readonly lease: Lease
  /** Breaks off what is done under it, if that is still under way, and tells whether it was. */
  readonly lose: () => boolean
}

/** Keeps this process's leases alive, all with one statement a heartbeat, and learns by it which are gone. */
export class Leases extends Context.Service<
  Leases,
  {
    /** Does something under a lease, which is kept meanwhile. None when it is lost, by a cancel or to another worker. */
    readonly hold: <A, E, R>(
      lease: Lease,
      work: Effect.Effect<A, E, R>
    ) => Effect.Effect<Option.Option<A>, E, R>
    /**
     * Whether this process has a lease that the database was asked for and did not answer: as the next heartbeat that
     * it answers tells.
     */
    readonly turnsOut: (lease: Lease) => Effect.Effect<boolean>
  }
>()("promptledger/services/Leases") {
  static readonly layer = Layer.effect(
    Leases,
    Effect.gen(function* () {
      const store = yield* ExecutionStore
      const { heartbeat, lease: duration } = yield* Settings
      const held = new Slab<Holding>()
      /** Who is told whether a lease is held, by lease. */
      const doubted = new Map<Lease, (isHeld: boolean) => void>()

      const renew = Effect.gen(function* () {
        const leases = held.all()
        const asked = [...doubted.keys()]
        if (leases.length + asked.length === 0) return
        const kept = yield* store.renew([...leases.map(({ lease }) => lease), ...asked], duration)
        const epochs = new Map(kept.map(({ execution_id, epoch }) => [execution_id, epoch]))
        const isKept = ({ execution_id, epoch }: Lease) => epochs.get(execution_id) === epoch
        for (const lease of asked) {
          doubted.get(lease)?.(isKept(lease))
          doubted.delete(lease)
        }
        for (const { lease, lose } of leases) {
          if (!isKept(lease) && lose()) yield* Metric.update(leasesLost, 1)
        }
      })
      yield* renew.pipe(
        Effect.catchCause(logFailures("leases were not renewed")),
        Effect.repeat(Schedule.spaced(heartbeat)),
        Effect.delay(heartbeat),
        Effect.forkScoped
      )

      return Leases.of({
        hold: <A, E, R>(lease: Lease, work: Effect.Effect<A, E, R>) =>
          Effect.contextWith((context: Context.Context<R>) =>
            Effect.callback<Option.Option<A>, E>((resume) => {
              const fiber = Effect.runForkWith(context)(work)
              const letGo = held.add({
                lease,
                lose: () => {
                  if (!letGo()) return false
                  resume(Effect.succeedNone)
                  fiber.interruptUnsafe()
                  return true
                }
              })
              fiber.addObserver((exit) => {
                letGo()
                resume(Exit.map(exit, Option.some))
              })
              return Effect.suspend(() => {
                letGo()
                return Fiber.interrupt(fiber)
              })
            })
          ),
        turnsOut: (lease) =>
          Effect.callback((resume) => {
            doubted.set(lease, (isHeld) => resume(Effect.succeed(isHeld)))
            return Effect.sync(() => doubted.delete(lease))
          })
      })
    })
  )
}
