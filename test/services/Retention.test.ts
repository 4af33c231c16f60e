import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Logger, Option, References } from "effect"
import { TestClock } from "effect/testing"
import { DatabaseUnavailable } from "../../src/services/DatabaseUnavailable.ts"
import { Retention } from "../../src/services/Retention.ts"
import { RetentionStore } from "../../src/services/RetentionStore.ts"
import { Settings, defaultSettings } from "../../src/services/Settings.ts"

const retain = { bodies: Duration.hours(1), executions: Duration.hours(3) }

/** A service of its own over a store that does as it is told. */
const over = (store: Partial<RetentionStore["Service"]>, bounds = retain) =>
  Layer.build(
    Layer.fresh(Retention.layer).pipe(
      Layer.provide([
        Layer.mock(RetentionStore, store),
        Layer.succeed(Settings, { ...defaultSettings, retain: bounds })
      ])
    )
  ).pipe(
    Effect.map(
      (context) => (use: (retention: Retention["Service"]) => Effect.Effect<unknown>) =>
        Effect.provide(Retention.use(use), context)
    )
  )

/** A store's way to drop, and the limits that it was given. */
const dropping = (count: number) => {
  let left = count
  const limits: Array<number> = []
  return {
    limits,
    drop: (_age: Duration.Duration, limit: number) =>
      Effect.sync(() => {
        limits.push(limit)
        const dropped = Math.min(limit, left)
        left -= dropped
        return Option.some(dropped)
      })
  }
}

const nothing = Effect.succeed(Option.some(0))

describe("a run of retention", () => {
  it.effect("rests between batches, and ends with one that is not full", () =>
    Effect.gen(function* () {
      const { limits, drop } = dropping(1_200)
      const use = yield* over({ dropBodies: drop, dropExecutions: () => nothing })
      const running = yield* Effect.forkChild(
        use(({ pass }) => pass),
        { startImmediately: true }
      )
      assert.deepStrictEqual(limits, [500])
      yield* TestClock.adjust("99 millis")
      assert.deepStrictEqual(limits, [500])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(limits, [500, 500])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(running), { executions: 0, bodies: 1_200 })
      assert.deepStrictEqual(limits, [500, 500, 500])
    })
  )

  it.effect("rests as long as a batch took", () =>
    Effect.gen(function* () {
      const { limits, drop } = dropping(600)
      const slow = (age: Duration.Duration, limit: number) => Effect.delay(drop(age, limit), "1 second")
      const use = yield* over({ dropExecutions: slow })
      const running = yield* Effect.forkChild(
        use((retention) => retention.drop({ executions: retain.executions }))
      )
      yield* TestClock.adjust("2900 millis")
      assert.deepStrictEqual(limits, [500])
      yield* TestClock.adjust("1100 millis")
      assert.deepStrictEqual(yield* Fiber.join(running), { executions: 600, bodies: 0 })
    })
  )

  it.effect("drops by the bounds that there are", () =>
    Effect.gen(function* () {
      const executions = dropping(3)
      const bodies = dropping(4)
      const use = yield* over(
        { dropExecutions: executions.drop, dropBodies: bodies.drop },
        {} as typeof retain
      )
      assert.deepStrictEqual(yield* use(({ pass }) => pass), { executions: 0, bodies: 0 })
      const dropped = yield* use(({ drop }) => drop({ bodies: retain.bodies }))
      assert.deepStrictEqual(dropped, { executions: 0, bodies: 4 })
      assert.deepStrictEqual(executions.limits, [])
      const both = yield* use(({ drop }) => drop(retain))
      assert.deepStrictEqual(both, { executions: 3, bodies: 0 })
    })
  )

  it.effect("leaves the rest to another process, or waits for its turn", () =>
    Effect.gen(function* () {
      const { drop } = dropping(7)
      let taken = true
      const dropBodies = (age: Duration.Duration, limit: number) =>
        Effect.suspend(() => (taken ? Effect.succeed(Option.none()) : drop(age, limit)))
      const use = yield* over({ dropBodies, dropExecutions: () => nothing })
      assert.deepStrictEqual(yield* use(({ pass }) => pass), { executions: 0, bodies: 0 })
      const waiting = yield* Effect.forkChild(use((retention) => retention.drop(retain)))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(waiting.pollUnsafe())
      taken = false
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.join(waiting), { executions: 0, bodies: 7 })
    })
  )

  it.effect("tries half of what the database can't do in time, down to one", () =>
    Effect.gen(function* () {
      const { limits, drop } = dropping(150)
      const outage = Effect.die(new DatabaseUnavailable({ cause: new Error("too late") }))
      const dropBodies = (age: Duration.Duration, limit: number) =>
        Effect.suspend(() => (limit > 100 ? outage : drop(age, limit)))
      const use = yield* over({ dropBodies, dropExecutions: () => nothing })
      const running = yield* Effect.forkChild(use(({ pass }) => pass))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(running), { executions: 0, bodies: 150 })
      assert.deepStrictEqual(limits, [63, 63, 63])

      const tried: Array<number> = []
      const away = yield* over({
        dropExecutions: (_, limit) =>
          Effect.andThen(
            Effect.sync(() => tried.push(limit)),
            outage
          )
      })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(away(({ pass }) => pass))))
      assert.deepStrictEqual(tried, [500, 250, 125, 63, 32, 16, 8, 4, 2, 1])
      const broken = yield* over({ dropExecutions: () => Effect.die("a bug") })
      assert.strictEqual(
        yield* Effect.catchDefect(
          broken(({ pass }) => pass),
          Effect.succeed
        ),
        "a bug"
      )
    })
  )

  it.effect("tells how far it is when it is long, and what it dropped", () =>
    Effect.gen(function* () {
      const said: Array<unknown> = []
      const logger = Logger.make(({ message }) => void said.push(message))
      const use = yield* over({ dropBodies: dropping(20_400).drop, dropExecutions: () => nothing })
      const running = yield* use(({ pass }) => pass).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.forkChild
      )
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(running)
      assert.deepStrictEqual(said.flat(), [
        "dropping goes on",
        "dropping goes on",
        "dropped what was kept long enough"
      ])
    })
  )

  it.effect("tells what it dropped before it failed", () =>
    Effect.gen(function* () {
      const said: Array<unknown> = []
      const logger = Logger.make(({ message, fiber }) => {
        said.push(message, fiber.getRef(References.CurrentLogAnnotations))
      })
      const use = yield* over({ dropExecutions: dropping(3).drop, dropBodies: () => Effect.die("a bug") })
      const exit = yield* use((retention) => retention.drop(retain)).pipe(
        Effect.provide(Logger.layer([logger])),
        Effect.exit
      )
      assert.isTrue(Exit.isFailure(exit))
      assert.deepStrictEqual(said.flat(), [
        "dropping ended early; so much was dropped",
        { executions: 3, bodies: 0 }
      ])
    })
  )

  it.effect("counts what it would drop", () =>
    Effect.gen(function* () {
      const use = yield* over({ count: () => Effect.succeed({ executions: 1, bodies: 2 }) })
      assert.deepStrictEqual(yield* use(({ count }) => count(retain)), { executions: 1, bodies: 2 })
    })
  )
})
