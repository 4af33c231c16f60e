import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Logger, Queue, Redacted, Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import { Database } from "../../src/layers/postgres/Database.ts"
import { newDatabase } from "../support/database.ts"
import { proxyTo, through } from "../support/proxy.ts"
import { until } from "../support/service.ts"

/** The notifier of a process, with what it says. */
const notifierOf = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const said: Array<string> = []
  const logger = Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])
  const scope = yield* Scope.fork(yield* Effect.scope)
  const database = yield* Layer.buildWithScope(
    Layer.fresh(Database.layer({ url })).pipe(Layer.provide(logger)),
    scope
  )
  const { notifier } = Context.get(database, Database)
  const heard = yield* Queue.unbounded<void>()
  const listen = notifier
    .listen(Queue.offer(heard, undefined))
    .pipe(Effect.provide(logger), Scope.provide(scope))
  return { notifier, heard, said, listen, close: Scope.close(scope, Exit.void) }
})

const serverOf = (url: Redacted.Redacted) =>
  PgClient.make({ url, maxConnections: 1 }).pipe(Effect.provide(Reactivity.layer))

describe("the notifier of a database", () => {
  it.live("is heard by every other process that listens, and not where it notified", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const [one, two, three] = [yield* notifierOf(url), yield* notifierOf(url), yield* notifierOf(url)]
      assert.isFalse(one.notifier.listens())
      for (const { listen, notifier, heard } of [one, two, three]) {
        yield* listen
        assert.isTrue(notifier.listens())
        yield* Queue.take(heard)
      }
      one.notifier.notify()
      yield* Queue.take(two.heard)
      yield* Queue.take(three.heard)
      // By the time that its answer comes, it would have heard itself.
      two.notifier.notify()
      yield* Queue.take(one.heard)
      assert.strictEqual(yield* Queue.size(one.heard), 0)
      yield* three.close
      assert.isFalse(three.notifier.listens())
    })
  )

  it.live("is heard again once a lost connection is back, and both is told once", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const { listen, notifier, heard, said } = yield* notifierOf(url)
      yield* listen
      yield* Queue.take(heard)
      const sql = yield* serverOf(url)
      const [terminated] = yield* sql<{ count: number }>`
        SELECT count(pg_terminate_backend(pid))::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%'`
      assert.strictEqual(terminated!.count, 1)
      // It may have missed a notification meanwhile.
      yield* Queue.take(heard)
      assert.isTrue(notifier.listens())
      const other = yield* notifierOf(url)
      other.notifier.notify()
      yield* Queue.take(heard)
      assert.lengthOf(said, 2)
      assert.match(said[0]!, /^workers of other processes can't wake this one, and it sweeps: [\w ]+$/)
      assert.include(said[1], "can wake this one again")
    })
  )

  it.live("that can't be heard keeps nobody from starting, and is tried again", () =>
    Effect.gen(function* () {
      const url = Redacted.value(yield* newDatabase)
      const proxy = yield* proxyTo(url)
      const { listen, notifier, heard, said } = yield* notifierOf(Redacted.make(through(proxy, url)))
      yield* proxy.cut
      yield* listen
      assert.isFalse(notifier.listens())
      notifier.notify()
      yield* until(Effect.sync(() => proxy.refused() > 2 && said.length > 1))
      assert.strictEqual(yield* Queue.size(heard), 0)
      yield* proxy.restore
      yield* Queue.take(heard)
      assert.isTrue(notifier.listens())
      assert.lengthOf(
        said.filter((line) => line.includes("can't wake this one")),
        1
      )
      assert.include(said.join(), "other workers were not woken")
    })
  )
})
