import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Layer, Logger, Queue, Redacted, Scope } from "effect"
import { Reactivity } from "effect/reactivity"
import { Database } from "../../src/layers/postgres/Database.ts"
import { newDatabase } from "../support/database.ts"
import { proxyTo, through } from "../support/proxy.ts"
import { until } from "../support/service.ts"

/** The bell of a process, with what it says. */
const bellOf = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const said: Array<string> = []
  const logger = Logger.layer([Logger.make(({ message }) => void said.push(String(message)))])
  const scope = yield* Scope.fork(yield* Effect.scope)
  const database = yield* Layer.buildWithScope(
    Layer.fresh(Database.layer({ url })).pipe(Layer.provide(logger)),
    scope
  )
  const { bell } = Context.get(database, Database)
  const heard = yield* Queue.unbounded<void>()
  const listen = bell.listen(Queue.offer(heard, undefined)).pipe(Effect.provide(logger), Scope.provide(scope))
  return { bell, heard, said, listen, close: Scope.close(scope, Exit.void) }
})

const serverOf = (url: Redacted.Redacted) =>
  PgClient.make({ url, maxConnections: 1 }).pipe(Effect.provide(Reactivity.layer))

describe("the bell of a database", () => {
  it.live("is heard by every other process that listens, and not where it rang", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const [one, two, three] = [yield* bellOf(url), yield* bellOf(url), yield* bellOf(url)]
      assert.isFalse(one.bell.hears())
      for (const { listen, bell, heard } of [one, two, three]) {
        yield* listen
        assert.isTrue(bell.hears())
        yield* Queue.take(heard)
      }
      one.bell.ring()
      yield* Queue.take(two.heard)
      yield* Queue.take(three.heard)
      // By the time that its answer comes, it would have heard itself.
      two.bell.ring()
      yield* Queue.take(one.heard)
      assert.strictEqual(yield* Queue.size(one.heard), 0)
      yield* three.close
      assert.isFalse(three.bell.hears())
    })
  )

  it.live("is heard again once a lost connection is back, and both is told once", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const { listen, bell, heard, said } = yield* bellOf(url)
      yield* listen
      yield* Queue.take(heard)
      const sql = yield* serverOf(url)
      const [terminated] = yield* sql<{ count: number }>`
        SELECT count(pg_terminate_backend(pid))::int AS count FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%'`
      assert.strictEqual(terminated!.count, 1)
      // It may have missed a ring meanwhile.
      yield* Queue.take(heard)
      assert.isTrue(bell.hears())
      const other = yield* bellOf(url)
      other.bell.ring()
      yield* Queue.take(heard)
      assert.lengthOf(said, 2)
      assert.include(said[0], "workers of other processes can't wake this one")
      assert.include(said[1], "can wake this one again")
    })
  )

  it.live("that can't be heard keeps nobody from starting, and is tried again", () =>
    Effect.gen(function* () {
      const url = Redacted.value(yield* newDatabase)
      const proxy = yield* proxyTo(url)
      const { listen, bell, heard, said } = yield* bellOf(Redacted.make(through(proxy, url)))
      yield* proxy.cut
      yield* listen
      assert.isFalse(bell.hears())
      bell.ring()
      yield* until(Effect.sync(() => proxy.refused() > 2 && said.length > 1))
      assert.strictEqual(yield* Queue.size(heard), 0)
      yield* proxy.restore
      yield* Queue.take(heard)
      assert.isTrue(bell.hears())
      assert.lengthOf(
        said.filter((line) => line.includes("can't wake this one")),
        1
      )
      assert.include(said.join(), "other workers were not woken")
    })
  )
})
