import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Duration, Effect, Exit, Fiber, Latch, Layer, Option } from "effect"
import type { Redacted } from "effect"
import { Statement } from "effect/sql"
import { attemptSucceeded } from "../../src/domain/attempt.ts"
import { decideVersion } from "../../src/domain/versioning.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { migrate } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import { DatabaseUnavailable } from "../../src/services/DatabaseUnavailable.ts"
import { AnalyticsStore } from "../../src/services/AnalyticsStore.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { DatabaseHealth } from "../../src/services/Health.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import type { ContentChange, PromptFacts } from "../../src/services/PromptStore.ts"
import { newDatabase, storesElsewhere } from "../support/database.ts"
import { begin as beginOf, change, newExecution, newName, PROJECT, revise } from "../support/ledger.ts"
import { until } from "../support/service.ts"

const LEASE = Duration.seconds(30)
const answered = attemptSucceeded(
  { text: "x", prompt_tokens: 1, response_tokens: 1, provider_request_id: null },
  Duration.millis(1)
)

type Stores = ExecutionStore | Database | DatabaseHealth | Layer.Success<typeof layerStores>

/** The stores of a process of its own, over a new database. */
const onPostgres = <A, E>(
  test: Effect.Effect<A, E, Stores>,
  prepare: Effect.Effect<unknown, unknown, Database> = Effect.void
) => Effect.flatMap(newDatabase, (url) => onDatabase(url, test, prepare))

const onDatabase = <A, E>(
  url: Redacted.Redacted,
  test: Effect.Effect<A, E, Stores>,
  prepare: Effect.Effect<unknown, unknown, Database> = Effect.void
) =>
  Effect.gen(function* () {
    const process = layerStores.pipe(Layer.provideMerge(Layer.fresh(Database.layer({ url }))))
    yield* Effect.andThen(migrate, prepare).pipe(Effect.provide(process))
    return yield* Effect.provide(test, Layer.fresh(process))
  })

const begin = Effect.suspend(() => Effect.flatMap(revise(change(newName(), "x")), beginOf))

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
        const { read } = yield* Database
        const goAway = read`
          SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
          WHERE datname = current_database() AND state = 'idle in transaction'`.pipe(Effect.orDie)
        assertOutage(yield* Effect.exit(reviseAfter(Effect.asVoid(goAway), [change(newName(), "x")])))
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

const decide = (facts: ReadonlyArray<PromptFacts>) =>
  Effect.succeed(facts.map((known) => decideVersion(known, true)))

/** Revises, and does `first` before each decision. */
const reviseAfter = (first: Effect.Effect<void>, changes: ReadonlyArray<ContentChange>) =>
  PromptStore.use((store) => store.revise(PROJECT, changes, (facts) => Effect.andThen(first, decide(facts))))

/** A revision under way, with its prompts locked, that ends when and how it is told to. */
const underWay = Effect.fnUntraced(function* (changes: ReadonlyArray<ContentChange>) {
  const begun = yield* Deferred.make<void>()
  const end = yield* Deferred.make<void>()
  const first = Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(end))
  const fiber = yield* Effect.forkChild(reviseAfter(first, changes))
  yield* Deferred.await(begun)
  return (how: Exit.Exit<void> = Exit.void) => Effect.andThen(Deferred.done(end, how), Fiber.join(fiber))
})

/** Waits until so many operations wait for the locks of others. */
const untilWaiting = Effect.fnUntraced(function* (operations: number) {
  const { read } = yield* Database
  yield* until(Effect.map(waitingIn(read), (waiting) => waiting === operations))
})
const waitingIn = (read: Database["Service"]["read"]) =>
  Effect.map(
    read`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    (rows) => rows.length
  )

describe("revisions over PostgreSQL", () => {
  const codeOf = (prefix: string) =>
    Array.from({ length: 20 }, (_, index) => change(`${prefix}/${index}`, "x", { mode: "tracking" }))

  it.live("of the same new prompts by many processes wait for the first, and not for each other", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const changes = codeOf(newName())
      const others = yield* Effect.replicateEffect(Layer.build(storesElsewhere(url)), 3)
      let looking = 0
      const all = yield* Latch.make()
      // Each looks at what the first has left, and goes on when all do.
      const meet = Effect.andThen(
        Effect.suspend(() => (++looking === others.length ? all.open : Effect.void)),
        all.await
      )
      yield* onDatabase(
        url,
        Effect.gen(function* () {
          // They are connected by then.
          const facts = PromptStore.use((store) => store.facts(PROJECT, changes))
          for (const other of others) yield* Effect.provide(facts, other)
          const finish = yield* underWay(changes)
          const rest = yield* Effect.forEach(others, (other) =>
            Effect.forkChild(Effect.provide(reviseAfter(meet, changes), other))
          )
          yield* untilWaiting(others.length)
          const made = yield* finish()
          for (const revisions of yield* Fiber.joinAll(rest)) {
            assert.deepStrictEqual(
              revisions.map(({ version, decision }) => [version.version_id, decision._tag]),
              made.map(({ version }) => [version.version_id, "Keep"])
            )
          }
        })
      )
    })
  )

  it.live("of many prompts that wait for the first in their process leave others its connections", () =>
    onPostgres(
      Effect.gen(function* () {
        const { read } = yield* Database
        const lease = yield* begin
        const changes = codeOf(newName())
        const finish = yield* underWay(changes)
        const rest = yield* Effect.replicateEffect(
          Effect.forkChild(reviseAfter(Effect.void, changes), { startImmediately: true }),
          30
        )
        yield* (yield* ExecutionStore).finish(lease, answered)
        assert.strictEqual(yield* waitingIn(read), 0)
        const made = yield* finish()
        for (const revisions of yield* Fiber.joinAll(rest)) {
          assert.deepStrictEqual(
            revisions.map(({ version }) => version),
            made.map(({ version }) => version)
          )
        }
      })
    )
  )

  it.live("of other prompts by the same process are carried out after the first", () =>
    onPostgres(
      Effect.gen(function* () {
        const finish = yield* underWay(codeOf(newName()))
        const other = yield* Effect.forkChild(reviseAfter(Effect.void, codeOf(newName())), {
          startImmediately: true
        })
        yield* finish()
        const revisions = yield* Fiber.join(other)
        assert.deepStrictEqual([...new Set(revisions.map(({ decision }) => decision._tag))], ["Create"])
      })
    )
  )

  it.live("that wait for one which finds the database unavailable do not try as long themselves", () =>
    onPostgres(
      Effect.gen(function* () {
        const finish = yield* underWay(codeOf(newName()))
        const other = yield* Effect.forkChild(
          Effect.exit(reviseAfter(Effect.die(new Error("it tried")), codeOf(newName()))),
          { startImmediately: true }
        )
        const outage = Exit.die(new DatabaseUnavailable({ cause: "away" }))
        assertOutage(yield* Effect.exit(finish(outage)))
        assertOutage(yield* Fiber.join(other))
      })
    )
  )

  it.live("that get no lock in time are done when somebody else has done the same", () =>
    onPostgres(
      Effect.gen(function* () {
        const { write } = yield* Database
        const { prompt } = yield* revise(change(newName(), "one"))
        const { prompt: other } = yield* revise(change(newName(), "one"))
        // To connect takes of the time that a lock is waited for.
        yield* Effect.all(
          ["a", "b", "c", "d"].map((content) => revise(change(newName(), content))),
          { concurrency: "unbounded" }
        )
        const [begun, end, done] = yield* Effect.replicateEffect(Deferred.make<void>(), 3)
        const first = yield* revise(change(prompt.name, "two")).pipe(
          Effect.tap(Effect.andThen(Deferred.succeed(begun!, undefined), Deferred.await(end!))),
          write.withTransaction,
          Effect.forkChild
        )
        yield* Deferred.await(begun!)
        const elsewhere = yield* write`
          SELECT FROM prompts WHERE prompt_id IN (${prompt.prompt_id}, ${other.prompt_id}) ORDER BY name FOR UPDATE`.pipe(
          Effect.andThen(Deferred.await(done!)),
          write.withTransaction,
          Effect.forkChild
        )
        yield* untilWaiting(1)
        const [same, different] = yield* Effect.forEach(["two", "three"], (content) =>
          Effect.forkChild(Effect.exit(revise(change(prompt.name, content))))
        )
        yield* untilWaiting(3)
        yield* Deferred.succeed(end!, undefined)
        const made = yield* Fiber.join(first)
        const [again, refused] = [yield* Fiber.join(same!), yield* Fiber.join(different!)]
        yield* Deferred.succeed(done!, undefined)
        yield* Fiber.join(elsewhere)
        assert(Exit.isSuccess(again))
        assert.deepStrictEqual(again.value.version, made.version)
        assertOutage(refused)
      })
    )
  )
})
