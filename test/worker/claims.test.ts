import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Logger, Stream } from "effect"
import { RateLimiter } from "effect/persistence"
import { Statement } from "effect/sql"
import * as DatabasePglite from "../../src/layers/pglite/DatabasePglite.ts"
import type { Database } from "../../src/layers/postgres/Database.ts"
import * as ExecutionQueueSql from "../../src/layers/postgres/ExecutionQueueSql.ts"
import { layerMigrated } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { layerServices } from "../../src/layers/Services.ts"
import { ExecutionQueue } from "../../src/services/ExecutionQueue.ts"
import type { Consumer } from "../../src/services/ExecutionQueue.ts"
import { Executions } from "../../src/services/Executions.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { Lifecycle } from "../../src/services/Lifecycle.ts"
import type { Provider } from "../../src/services/Providers.ts"
import { defaultSettings, Settings } from "../../src/services/Settings.ts"
import * as Worker from "../../src/worker/Worker.ts"
import { newName, PROJECT } from "../support/ledger.ts"
import { lineageOf, pass, request, until, untilStatus, upsert } from "../support/service.ts"

const silent: Provider = { name: "openai", complete: () => Stream.never }

const submit = Effect.gen(function* () {
  const { submit: accept } = yield* Executions
  const name = newName()
  yield* upsert(name, "Hello {{ name }}")
  return (yield* accept(PROJECT, "full", request(name))).execution_id
})

/** A worker and the services that it needs, over a database in memory. */
const workerOver = <E>(
  queue: Layer.Layer<ExecutionQueue, E, Database>,
  store: (store: ExecutionStore["Service"]) => Partial<ExecutionStore["Service"]> = () => ({})
) => {
  const altered = Layer.effect(
    ExecutionStore,
    Effect.map(ExecutionStore, (real) => ({ ...real, ...store(real) }))
  )
  return Worker.layer.pipe(
    Layer.provideMerge(layerServices),
    Layer.provideMerge(altered),
    Layer.provideMerge(
      Layer.merge(layerStores, queue).pipe(Layer.provide(layerMigrated(DatabasePglite.layerMemory)))
    ),
    Layer.provide([RateLimiter.layerStoreMemory, PromptLedger.layerProviders([silent])]),
    Layer.provide(Layer.succeed(Settings, { ...defaultSettings, drain: Duration.zero }))
  )
}

describe("a worker that is handed calls", () => {
  it.effect("carries out the execution of each once, and gives it back when its time is over", () => {
    let consumer: Consumer
    const queue = Layer.succeed(ExecutionQueue, {
      enqueue: () => Effect.void,
      consume: (given) => Effect.sync(() => void (consumer = given)),
      ping: Effect.void
    })
    return Effect.gen(function* () {
      const { stop } = yield* Lifecycle
      const wakeUp = { execution_id: yield* submit, epoch: 0 }
      const answering = yield* Effect.forkChild(consumer.answer(wakeUp))
      yield* untilStatus(wakeUp.execution_id, "running")
      yield* consumer.answer(wakeUp)
      assert.isUndefined(answering.pollUnsafe())
      yield* stop
      yield* pass(1)
      yield* Fiber.join(answering)
      const { execution, attempts } = yield* lineageOf(wakeUp.execution_id)
      assert.include(execution, { status: "queued", attempts: 0, lost_attempts: 1 })
      assert.lengthOf(attempts, 1)
    }).pipe(Effect.provide(workerOver(queue)))
  })
})

describe("a worker that claims from the database", () => {
  it.effect(
    "claims once for what was submitted, and asks for nothing while it is idle but by its sweeps",
    () => {
      const seen: Array<string> = []
      const record: Statement.Transformer = (statement) =>
        Effect.sync(() => {
          seen.push(statement.compile()[0])
          return statement
        })
      const claims = () => seen.filter((text) => text.includes("SET\n          status = 'running'")).length
      return Effect.gen(function* () {
        // Once as it begins, since something may be there.
        yield* until(Effect.sync(() => claims() > 0))
        assert.strictEqual(claims(), 1)
        seen.length = 0
        const execution_id = yield* submit
        yield* untilStatus(execution_id, "succeeded")
        assert.strictEqual(claims(), 1)

        seen.length = 0
        yield* pass(60)
        const sweeps = [/lease_expires_at < /, /next_attempt_at < /, /execution_rollups_pending/]
        const times = sweeps.map((sweep) => seen.filter((text) => sweep.test(text)).length)
        assert.deepStrictEqual(times, [12, 12, 12])
        assert.lengthOf(seen, 36)
      }).pipe(
        Effect.provide(
          PromptLedger.layerMemory().pipe(Layer.provide(Layer.succeed(Statement.CurrentTransformer, record)))
        )
      )
    }
  )

  it.effect("gives back what a claim brings after the time to drain", () =>
    Effect.gen(function* () {
      const claiming = yield* Deferred.make<void>()
      const claimed = yield* Deferred.make<void>()
      const service = workerOver(ExecutionQueueSql.layer, ({ claimDue }) => ({
        claimDue: (...which) =>
          Effect.tap(claimDue(...which), ({ length }) =>
            length === 0
              ? Effect.void
              : Effect.andThen(Deferred.succeed(claiming, undefined), Deferred.await(claimed))
          )
      }))
      yield* Effect.gen(function* () {
        const { stop } = yield* Lifecycle
        const execution_id = yield* submit
        yield* Deferred.await(claiming)
        const stopped = yield* Effect.forkChild(stop, { startImmediately: true })
        yield* pass(1)
        assert.isUndefined(stopped.pollUnsafe())
        yield* Deferred.succeed(claimed, undefined)
        yield* Fiber.join(stopped)
        const { execution, attempts } = yield* lineageOf(execution_id)
        assert.include(execution, { status: "queued", attempts: 0, lost_attempts: 1 })
        assert.lengthOf(attempts, 1)
        assert.include(attempts[0], { outcome: "unknown" })
      }).pipe(Effect.provide(service))
    })
  )

  it.effect("says so when it can't give back what it has under way", () => {
    const said: Array<unknown> = []
    const logger = Logger.make(({ message }) => void said.push(...[message].flat()))
    const service = workerOver(ExecutionQueueSql.layer, () => ({
      release: () => Effect.die(new Error("the database is away"))
    }))
    return Effect.gen(function* () {
      const { stop } = yield* Lifecycle
      yield* untilStatus(yield* submit, "running")
      const stopped = yield* Effect.forkChild(stop, { startImmediately: true })
      yield* pass(1)
      yield* Fiber.join(stopped)
      assert.include(said, "an attempt was not given back")
    }).pipe(Effect.provide(service), Effect.provide(Logger.layer([logger])))
  })
})
