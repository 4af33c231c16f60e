import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { proxyTo, through } from "../../support/proxy.ts"
import type { Acknowledged, Exchange } from "../client.ts"
import { eventually } from "../eventually.ts"
import { after } from "../provider.ts"
import type { Scenario, World } from "../world.ts"

/** Each acknowledged execution had one call. */
const oneCallEach = ({ client, provider }: World) => {
  for (const { marker } of client.acknowledged) assert.lengthOf(provider.callsOf(marker), 1, marker)
}

export const apiKilledBeforeEnqueue: Scenario = {
  number: 1,
  name: "the API is killed between INSERT and enqueue",
  play: Effect.fnUntraced(function* (world) {
    const toRedis = yield* proxyTo(world.redis.url)
    const first = yield* world.startApi({ env: { REDIS_URL: through(toRedis, world.redis.url) } })
    yield* world.fault("the API's Redis black-holed", toRedis.blackHole)
    yield* world.submitMany(10)
    assert.lengthOf(world.client.acknowledged, 10)
    yield* world.kill(first)
    assert.strictEqual((yield* world.queue.jobs)["waiting"], 0)
    yield* world.startWorkers(2)
    yield* world.settled()
    oneCallEach(world)
  })
}

/** Two slow workers with work that waits and work under way. */
const underLoad = Effect.fnUntraced(function* (world: World, count: number) {
  yield* world.startApi()
  world.provider.behave(after(150))
  yield* world.startWorkers(2, { env: { WORKER_CONCURRENCY: "2" } })
  yield* world.submitMany(count)
  yield* world.untilCalls(8)
})

export const redisKilled: Scenario = {
  number: 8,
  name: "Redis is killed, and empty on restart",
  play: Effect.fnUntraced(function* (world) {
    yield* underLoad(world, 60)
    yield* world.fault(
      "kill -9 of Redis",
      Effect.promise(() => world.redis.kill())
    )
    yield* world.submitMany(10)
    yield* Effect.promise(() => world.redis.start())
    const wiped = Date.now()
    yield* world.settled()
    world.figures["redis_wipe_ms"] = Date.now() - wiped
    assert.lengthOf(world.client.acknowledged, 70)
    oneCallEach(world)
  })
}

export const flushedUnderLoad: Scenario = {
  number: 9,
  name: "FLUSHALL under load",
  play: Effect.fnUntraced(function* (world) {
    yield* underLoad(world, 60)
    for (const calls of [16, 32]) {
      yield* world.untilCalls(calls)
      yield* world.fault("FLUSHALL", world.queue.flush)
    }
    yield* world.settled()
    oneCallEach(world)
  })
}

const medianMillis = (exchanges: ReadonlyArray<Exchange>) =>
  exchanges.map(({ millis }) => millis).toSorted((a, b) => a - b)[Math.floor(exchanges.length / 2)]!

export const redisDown: Scenario = {
  number: 10,
  name: "Redis is down at submit",
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    yield* world.startWorkers(2)
    const usual = yield* world.submitMany(20, 1)
    yield* world.settled()
    yield* world.fault(
      "kill -9 of Redis",
      Effect.promise(() => world.redis.kill())
    )
    const exchanges = yield* world.submitMany(20, 1)
    assert.isTrue(exchanges.every(({ status }) => status === 202))
    // Other scenarios play at the same time: what counts is that a submit takes no longer than it did.
    assert.isBelow(medianMillis(exchanges), Math.max(50, 4 * medianMillis(usual)))
    yield* Effect.promise(() => world.redis.start())
    yield* world.settled()
    oneCallEach(world)
  })
}

export const redisHung: Scenario = {
  number: 11,
  name: "Redis hangs for three seconds",
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    yield* world.startWorkers(2)
    yield* world.submitMany(5)
    yield* world.fault("SIGSTOP of Redis", Effect.sync(world.redis.pause))
    const until = Date.now() + 3_000
    while (Date.now() < until) {
      const [exchange] = yield* world.submitMany(1)
      assert.strictEqual(exchange!.status, 202)
      assert.isBelow(exchange!.millis, 2_500)
      yield* Effect.sleep(100)
    }
    world.redis.resume()
    yield* world.settled()
    oneCallEach(world)
  })
}

export const redisFull: Scenario = {
  number: 12,
  name: "Redis evicts, and is at maxmemory",
  play: Effect.fnUntraced(function* (world) {
    const { redis } = world.queue
    const configure = (name: string, value: string) => Effect.promise(() => redis.config("SET", name, value))
    yield* configure("maxmemory-policy", "allkeys-lru")
    const api = yield* world.startApi()
    const waiting = (count: number) =>
      eventually(
        `${count} jobs wait`,
        Effect.map(world.queue.jobs, (jobs) => jobs["waiting"] === count)
      )
    yield* world.submitMany(10)
    yield* waiting(10)
    yield* world.fault("Redis evicts", configure("maxmemory", "1"))
    yield* waiting(0)
    assert.match(yield* Effect.promise(() => redis.info("stats")), /^evicted_keys:[1-9]/m)
    yield* configure("maxmemory-policy", "noeviction")
    yield* configure("maxmemory", "0")
    yield* world.startWorkers(2)
    yield* world.settled()
    assert.lengthOf(world.provider.calls, 10)

    yield* world.fault("Redis at maxmemory", configure("maxmemory", "1"))
    yield* world.submitMany(10)
    assert.lengthOf(world.client.acknowledged, 20)
    assert.lengthOf(world.provider.calls, 10)
    yield* configure("maxmemory", "0")
    yield* world.settled()
    oneCallEach(world)
    yield* api.says("were not sent")
    const [warned] = yield* api.says(/[^\n]*maxmemory-policy[^\n]*/)
    assert.include(warned, "noeviction")
  })
}

export const enqueuedFiveTimes: Scenario = {
  number: 25,
  name: "every job is enqueued five times",
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    world.provider.behave(after(300))
    // Other spellings of epoch 0, so that the queue does not see that they are one.
    const again = ["00", "000", "0000", "00000"]
    yield* world.submitMany(20)
    const enqueue = ({ execution_id }: Acknowledged, epoch: string) =>
      world.fault("a job enqueued again", world.queue.add(`${execution_id}-${epoch}`, execution_id))
    const empty = eventually(
      "the queue is empty",
      Effect.map(world.queue.jobs, ({ waiting, active }) => waiting === 0 && active === 0)
    )
    for (const acknowledged of world.client.acknowledged) {
      yield* Effect.forEach(again, (epoch) => enqueue(acknowledged, epoch))
    }
    yield* world.startWorkers(2)
    yield* empty
    // Once more, now that each has ended.
    yield* Effect.forEach(world.client.acknowledged, (acknowledged) => enqueue(acknowledged, "000000"))
    yield* empty
    oneCallEach(world)
  })
}
