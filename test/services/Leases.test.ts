import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Layer, Logger, Metric, Option } from "effect"
import { TestClock } from "effect/testing"
import { ExecutionId } from "../../src/domain/Ids.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import type { Lease } from "../../src/services/ExecutionStore.ts"
import { leasesLost } from "../../src/services/instruments.ts"
import { Leases } from "../../src/services/Leases.ts"
import { defaultSettings, Settings } from "../../src/services/Settings.ts"

const lease: Lease = { execution_id: ExecutionId.make(crypto.randomUUID()), epoch: 1 }
const { heartbeat } = defaultSettings
const lost = Effect.map(Metric.value(leasesLost), ({ count }) => count)

/** Leases over a store that renews as it is told. */
const leasesOf = (renew: (leases: ReadonlyArray<Lease>) => Effect.Effect<ReadonlyArray<Lease>>) =>
  Leases.layer.pipe(
    Layer.provide([Layer.mock(ExecutionStore, { renew }), Layer.succeed(Settings, defaultSettings)])
  )

/** The same, with an answer for each heartbeat. */
const leasesOver = (...answers: ReadonlyArray<Effect.Effect<ReadonlyArray<Lease>>>) => {
  let heartbeats = 0
  return leasesOf(() => Effect.suspend(() => answers[heartbeats++]!))
}

describe("work under a lease", () => {
  it.effect(
    "goes on when the lease could not be renewed, which is logged, and ends with what it gives",
    () => {
      const said: Array<unknown> = []
      const logger = Logger.make(({ message }) => void said.push(...[message].flat()))
      const away = Effect.die(new Error("the database is away"))
      return Effect.gen(function* () {
        const { hold } = yield* Leases
        const done = yield* Deferred.make<string>()
        const held = yield* Effect.forkChild(hold(lease, Deferred.await(done)), { startImmediately: true })
        yield* TestClock.adjust(heartbeat)
        assert.include(said, "leases were not renewed")
        yield* TestClock.adjust(heartbeat)
        yield* Deferred.succeed(done, "well")
        assert.deepStrictEqual(yield* Fiber.join(held), Option.some("well"))
      }).pipe(
        Effect.provide(leasesOver(away, Effect.succeed([lease]))),
        Effect.provide(Logger.layer([logger]))
      )
    }
  )

  it.effect("is given up when the lease is lost", () =>
    Effect.gen(function* () {
      const { hold } = yield* Leases
      let givenUp = false
      const work = Effect.onInterrupt(Effect.never, () => Effect.sync(() => void (givenUp = true)))
      const held = yield* Effect.forkChild(hold(lease, work), { startImmediately: true })
      const before = yield* lost
      yield* TestClock.adjust(heartbeat)
      assert.isTrue(Option.isNone(yield* Fiber.join(held)))
      assert.isTrue(givenUp)
      assert.strictEqual(yield* lost, before + 1)
    }).pipe(Effect.provide(leasesOver(Effect.succeed([{ ...lease, epoch: 2 }]))))
  )

  it.effect.each([
    ["has ended", Option.some("well")],
    ["is broken off and ends slowly", Option.none()]
  ] as const)("is not taken for lost by a heartbeat in which it %s, and is renewed no more", ([, ended]) => {
    const asked: Array<ReadonlyArray<Lease>> = []
    return Effect.gen(function* () {
      const answered = yield* Deferred.make<ReadonlyArray<Lease>>()
      const leases = leasesOf((given) => Effect.suspend(() => (asked.push(given), Deferred.await(answered))))
      yield* Effect.gen(function* () {
        const { hold } = yield* Leases
        const [done, unwound] = [yield* Deferred.make<string>(), yield* Deferred.make<void>()]
        const work = Effect.onInterrupt(Deferred.await(done), () => Deferred.await(unwound))
        const held = yield* Effect.forkChild(hold(lease, work), { startImmediately: true })
        const before = yield* lost
        yield* TestClock.adjust(heartbeat)
        if (Option.isSome(ended)) {
          yield* Deferred.succeed(done, ended.value)
          assert.deepStrictEqual(yield* Fiber.join(held), ended)
        } else held.interruptUnsafe()
        yield* Deferred.succeed(answered, [])
        yield* TestClock.adjust(heartbeat)
        yield* TestClock.adjust(heartbeat)
        assert.deepStrictEqual(asked, [[lease]])
        assert.strictEqual(yield* lost, before)
        yield* Deferred.succeed(unwound, undefined)
        assert.strictEqual(Exit.hasInterrupts(yield* Fiber.await(held)), Option.isNone(ended))
      }).pipe(Effect.provide(leases))
    })
  })
})

describe("a lease that the database did not answer for", () => {
  it.effect(
    "is told of by the first heartbeat that it answers, each for itself, and asked for no more",
    () => {
      const asked: Array<ReadonlyArray<Lease>> = []
      const leases = leasesOf((given) =>
        Effect.suspend(() =>
          asked.push(given) === 1 ? Effect.die(new Error("away")) : Effect.succeed([lease])
        )
      )
      return Effect.gen(function* () {
        const { turnsOut } = yield* Leases
        const other = { ...lease, execution_id: ExecutionId.make(crypto.randomUUID()) }
        const waiting = yield* Effect.forkChild(
          Effect.all([turnsOut(lease), turnsOut(other)], { concurrency: 2 }),
          { startImmediately: true }
        )
        const gone = yield* Effect.forkChild(turnsOut({ ...lease, epoch: 2 }), { startImmediately: true })
        yield* Fiber.interrupt(gone)
        yield* TestClock.adjust(heartbeat)
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust(heartbeat)
        assert.deepStrictEqual(yield* Fiber.join(waiting), [true, false])
        yield* TestClock.adjust(heartbeat)
        assert.deepStrictEqual(asked, [
          [lease, other],
          [lease, other]
        ])
      }).pipe(Effect.provide(leases))
    }
  )
})
