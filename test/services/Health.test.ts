import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { ExecutionQueue, QueueUnavailable } from "../../src/services/ExecutionQueue.ts"
import { DatabaseHealth, Health } from "../../src/services/Health.ts"
import { Lifecycle } from "../../src/services/Lifecycle.ts"

type Ping = "answers" | "fails" | "hangs"

const healthOf = (database: Ping, queue: Ping, stop = false) => {
  const ping = { answers: Effect.void, hangs: Effect.never }
  const parts = Layer.mergeAll(
    Layer.succeed(DatabaseHealth, { ping: database === "fails" ? Effect.die("down") : ping[database] }),
    Layer.succeed(ExecutionQueue, {
      ping: queue === "fails" ? new QueueUnavailable({ detail: "down" }) : ping[queue],
      enqueue: () => Effect.void,
      consume: () => Effect.void
    })
  )
  return Effect.gen(function* () {
    if (stop) yield* Lifecycle.use((lifecycle) => lifecycle.stop)
    const ready = yield* Effect.forkChild(Health.use((health) => health.ready))
    yield* TestClock.adjust("1 second")
    return yield* Fiber.join(ready)
  }).pipe(Effect.provide(Health.layer.pipe(Layer.provideMerge(Lifecycle.layer), Layer.provide(parts))))
}

describe("Health", () => {
  it.effect.each([
    ["answers", "answers", "ready", { database: "ok", queue: "ok" }],
    ["fails", "answers", "unavailable", { database: "unavailable", queue: "ok" }],
    ["hangs", "answers", "unavailable", { database: "unavailable", queue: "ok" }],
    ["answers", "fails", "ready", { database: "ok", queue: "unavailable" }],
    ["answers", "hangs", "ready", { database: "ok", queue: "unavailable" }]
  ] as const)("with a database that %s and a queue that %s", ([database, queue, status, parts]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* healthOf(database, queue), { status, parts })
    })
  )

  it.effect("is not ready any more when it was told to stop", () =>
    Effect.gen(function* () {
      const { status } = yield* healthOf("answers", "answers", true)
      assert.strictEqual(status, "stopping")
    })
  )

  it.effect("asks once for all that want to know at the same time", () =>
    Effect.gen(function* () {
      const asked = { database: 0, queue: 0 }
      const answer = yield* Deferred.make<void>()
      const ping = (part: keyof typeof asked) =>
        Effect.andThen(
          Effect.sync(() => asked[part]++),
          Deferred.await(answer)
        )
      const parts = Layer.mergeAll(
        Layer.succeed(DatabaseHealth, { ping: ping("database") }),
        Layer.succeed(ExecutionQueue, {
          ping: ping("queue"),
          enqueue: () => Effect.void,
          consume: () => Effect.void
        })
      )
      yield* Effect.gen(function* () {
        const { ready } = yield* Health
        const waiting = yield* Effect.forkChild(
          Effect.all(
            Array.from({ length: 10 }, () => ready),
            { concurrency: "unbounded" }
          ),
          { startImmediately: true }
        )
        yield* Deferred.succeed(answer, undefined)
        yield* Fiber.join(waiting)
        assert.deepStrictEqual(asked, { database: 1, queue: 1 })
        yield* ready
        assert.deepStrictEqual(asked, { database: 2, queue: 2 })
      }).pipe(Effect.provide(Health.layer.pipe(Layer.provide([parts, Lifecycle.layer]))))
    })
  )
})
