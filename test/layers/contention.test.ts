import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Layer, Option } from "effect"
import { Statement } from "effect/sql"
import { attemptSucceeded } from "../../src/domain/attempt.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { migrate } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import { DatabaseUnavailable } from "../../src/services/DatabaseUnavailable.ts"
import { AnalyticsStore } from "../../src/services/AnalyticsStore.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { DatabaseHealth } from "../../src/services/Health.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import { newDatabase } from "../support/database.ts"
import { change, newExecution, newName, PROJECT, revise } from "../support/ledger.ts"

const LEASE = Duration.seconds(30)
const answered = attemptSucceeded(
  { text: "x", prompt_tokens: 1, response_tokens: 1, provider_request_id: null },
  Duration.millis(1)
)

/** The stores of a process of its own, over a new database. */
const onPostgres = <A, E>(
  test: Effect.Effect<A, E, ExecutionStore | Database | DatabaseHealth | Layer.Success<typeof layerStores>>,
  prepare: Effect.Effect<unknown, unknown, Database> = Effect.void
) =>
  Effect.gen(function* () {
    const url = yield* newDatabase
    const process = layerStores.pipe(Layer.provideMerge(Layer.fresh(Database.layer({ url }))))
    yield* Effect.andThen(migrate, prepare).pipe(Effect.provide(process))
    return yield* Effect.provide(test, Layer.fresh(process))
  })

const begin = Effect.gen(function* () {
  const store = yield* ExecutionStore
  const execution = yield* newExecution(yield* revise(change(newName(), "x")), { mode: "sync" })
  yield* store.insert(execution, LEASE)
  return { execution_id: execution.execution_id, epoch: 1 }
})

const assertOutage = <A>(exit: Exit.Exit<A>) => {
  assert(Exit.isFailure(exit))
  assert.instanceOf(Cause.squash(exit.cause), DatabaseUnavailable)
}

describe("executions over PostgreSQL", () => {
  it.live("keep their leases, and are ended, while somebody else has locked one of them", () =>
    onPostgres(
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const { write } = yield* Database
        const leases = [yield* begin, yield* begin, yield* begin]
        const locked = yield* Deferred.make<void>()
        const done = yield* Deferred.make<void>()
        const elsewhere = yield* write`
          SELECT FROM executions WHERE execution_id = ${leases[0]!.execution_id} FOR UPDATE`.pipe(
          Effect.andThen(Deferred.succeed(locked, undefined)),
          Effect.andThen(Deferred.await(done)),
          write.withTransaction,
          Effect.forkChild
        )
        yield* Deferred.await(locked)
        assert.sameDeepMembers([...(yield* store.renew(leases, LEASE))], leases)
        const [first, ...others] = yield* Effect.forEach(
          leases,
          (lease) => Effect.exit(store.finish(lease, answered)),
          { concurrency: "unbounded" }
        )
        assertOutage(first!)
        for (const exit of others) assert.isTrue(Exit.isSuccess(exit) && Option.isSome(exit.value))
        yield* Deferred.succeed(done, undefined)
        yield* Fiber.join(elsewhere)
        // What its caller gave up is written all the same, or now.
        yield* store.finish(leases[0]!, answered)
        assert.deepStrictEqual(
          yield* store.status(PROJECT, leases[0]!.execution_id),
          Option.some("succeeded")
        )
      })
    )
  )

  it.live("are given back also where somebody else has just locked them, as a heartbeat does", () =>
    onPostgres(
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const { write } = yield* Database
        const lease = yield* begin
        const locked = yield* Deferred.make<void>()
        const elsewhere = yield* write`
          SELECT FROM executions WHERE execution_id = ${lease.execution_id} FOR UPDATE`.pipe(
          Effect.andThen(Deferred.succeed(locked, undefined)),
          Effect.andThen(Effect.sleep("200 millis")),
          write.withTransaction,
          Effect.forkChild
        )
        yield* Deferred.await(locked)
        assert.deepInclude(Option.getOrThrow(yield* store.release(lease)), {
          status: "failed",
          error_type: "worker_lost"
        })
        yield* Fiber.join(elsewhere)
      })
    )
  )

  it.live("with much in their variables are written a few at a time", () => {
    let statements = 0
    const count: Statement.Transformer = (statement) =>
      Effect.sync(() => {
        if (statement.compile()[0].includes("INSERT INTO executions")) statements++
        return statement
      })
    return onPostgres(
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const version = yield* revise(change(newName(), "x"))
        const variables = { text: "x".repeat(900_000) }
        const executions = yield* Effect.replicateEffect(newExecution(version, { variables }), 40)
        yield* Effect.forEach(executions, (execution) => store.insert(execution, LEASE), {
          concurrency: "unbounded"
        })
        // Each batch has at most 4 MiB, and there are 36 MB.
        assert.isAtLeast(statements, 9)
      })
    ).pipe(Effect.provideService(Statement.CurrentTransformer, count))
  })

  it.live("of one batch are written in the order of their keys: two batches never wait for each other", () =>
    onPostgres(
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const { read } = yield* Database
        const versions = [yield* revise(change(newName(), "x")), yield* revise(change(newName(), "x"))]
        const executions = yield* Effect.forEach([5, 2, 9, 0, 7, 4, 1, 8, 3, 6], (place) =>
          newExecution(versions[place % 2]!, {
            idempotency: { key: `key ${place % 5}`, fingerprint: "print" }
          })
        )
        yield* Effect.forEach(executions, (execution) => store.insert(execution, LEASE), {
          concurrency: "unbounded"
        })
        const written = yield* read<{
          readonly batch: string
          readonly prompt_id: string
          readonly key: string
        }>`
          SELECT xmin::text AS batch, prompt_id, idempotency_key AS key FROM executions ORDER BY ctid`
        assert.lengthOf(written, 10)
        assert.strictEqual(new Set(written.map(({ batch }) => batch)).size, 1)
        const order = written.map(({ prompt_id, key }) => `${prompt_id} ${key}`)
        assert.deepStrictEqual(order, order.toSorted())
      })
    )
  )

  it.live("are read at once, while reads that go over many rows take long", () =>
    onPostgres(
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const analytics = yield* AnalyticsStore
        const prompts = yield* PromptStore
        const { write } = yield* Database
        const version = yield* revise(change(newName(), "x"))
        const { execution_id, ...rest } = yield* newExecution(version)
        yield* store.insert({ execution_id, ...rest }, LEASE)
        yield* Effect.gen(function* () {
          yield* write`LOCK TABLE prompts, execution_rollups, execution_rollups_pending`
          const scans = yield* Effect.forkChild(
            Effect.all(
              [
                analytics.byMode(PROJECT, {}),
                prompts.history(version.prompt.prompt_id, { limit: 1 }),
                store.models(PROJECT, { limit: 1 }),
                store.list(PROJECT, { environment: "nowhere" }, { limit: 1 }),
                store.backlog
              ],
              { concurrency: "unbounded" }
            ),
            { startImmediately: true }
          )
          yield* Effect.sleep("100 millis")
          const [took, found] = yield* Effect.timed(store.status(PROJECT, execution_id))
          assert.isTrue(Option.isSome(found))
          assert.isBelow(Duration.toMillis(took), 500)
          assert.isUndefined(scans.pollUnsafe())
          yield* Fiber.interrupt(scans)
        }).pipe(write.withTransaction)
      })
    )
  )

  it.live("find a server unavailable that goes away in the middle of a transaction", () =>
    onPostgres(
      Effect.gen(function* () {
        const prompts = yield* PromptStore
        const { read } = yield* Database
        const goAway = read`
          SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
          WHERE datname = current_database() AND state = 'idle in transaction'`.pipe(Effect.orDie)
        const decide = Effect.andThen(goAway, Effect.succeed([]))
        assertOutage(yield* Effect.exit(prompts.revise(PROJECT, [change(newName(), "x")], () => decide)))
      })
    )
  )

  it.live("find a server that takes no writes unavailable, and so does whoever asks for its health", () =>
    onPostgres(
      Effect.gen(function* () {
        const { ping } = yield* DatabaseHealth
        assertOutage(yield* Effect.exit(begin))
        assertOutage(yield* Effect.exit(ping))
      }),
      Effect.gen(function* () {
        const { write } = yield* Database
        const [row] = yield* write<{ readonly name: string }>`SELECT current_database() AS name`
        yield* write.unsafe(`ALTER DATABASE ${row!.name} SET default_transaction_read_only = on`)
      })
    )
  )
})
