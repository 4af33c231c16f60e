import { assert, describe, it } from "@effect/vitest"
import { Context, Duration, Effect, Exit, Layer, Queue, Redacted, Schedule } from "effect"
import { RateLimiter } from "effect/persistence"
import { Redis } from "ioredis"
import { ExecutionId } from "../../src/domain/Ids.ts"
import * as ExecutionQueueBullMq from "../../src/layers/bullmq/ExecutionQueueBullMq.ts"
import * as RateLimiterStoreRedis from "../../src/layers/redis/RateLimiterStoreRedis.ts"
import { ExecutionQueue } from "../../src/services/ExecutionQueue.ts"
import { proxyTo, through } from "../support/proxy.ts"
import { find, ownRedis } from "../support/servers.ts"

const newRedis = Effect.acquireRelease(
  Effect.promise(() => ownRedis()),
  ({ stop }) => Effect.promise(stop)
)

/** One address, and its failover: the server behind it becomes a replica of the next and keeps its connections. */
const address = Effect.gen(function* () {
  const [first, next] = [yield* newRedis, yield* newRedis]
  const proxy = yield* proxyTo(first.url)
  const replicate = Effect.promise(async () => {
    const admin = new Redis(first.url)
    await admin.replicaof("127.0.0.1", new URL(next.url).port)
    admin.disconnect()
  })
  return {
    url: Redacted.make(through(proxy, first.url)),
    next: new URL(next.url),
    demote: replicate,
    failOver: Effect.andThen(proxy.moveTo(next.url), replicate)
  }
})

const queueAt = (url: Redacted.Redacted) =>
  Effect.map(Layer.build(ExecutionQueueBullMq.layer({ url })), (context) =>
    Context.get(context, ExecutionQueue)
  )

/** The first command that is refused has the connection made again. */
const eventually = Effect.retry({ schedule: Schedule.spaced("100 millis") })

const wakeUp = () => ({ execution_id: ExecutionId.make(crypto.randomUUID()), epoch: 0 })

// A server from Docker cannot be made a replica of one on this machine.
describe.skipIf(find("redis-server") === undefined)("a Redis that becomes a replica", () => {
  it.live("cannot be reached, as the queue tells", () =>
    Effect.gen(function* () {
      const { url, demote } = yield* address
      const { ping } = yield* queueAt(url)
      yield* ping
      yield* demote
      assert.isTrue(Exit.isFailure(yield* Effect.exit(ping)))
    })
  )

  it.live("is left by the queue and its workers for the one that takes its address", () =>
    Effect.gen(function* () {
      const { url, failOver } = yield* address
      const [producer, consumer] = [yield* queueAt(url), yield* queueAt(url)]
      const answered = yield* Queue.unbounded<string>()
      yield* consumer.consume(
        {
          answer: ({ execution_id }) => Effect.asVoid(Queue.offer(answered, execution_id)),
          claim: () => Effect.succeed([])
        },
        { concurrency: 2 }
      )
      const before = wakeUp()
      yield* producer.enqueue([before])
      assert.strictEqual(yield* Queue.take(answered), before.execution_id)
      yield* failOver
      const after = wakeUp()
      yield* eventually(producer.enqueue([after]))
      assert.strictEqual(yield* Queue.take(answered), after.execution_id)
      yield* eventually(consumer.ping)
    })
  )

  it.live("is left by the rate limits too", () =>
    Effect.gen(function* () {
      const { url, next, failOver } = yield* address
      const store = Context.get(
        yield* Layer.build(RateLimiterStoreRedis.layer({ url })),
        RateLimiter.RateLimiterStore
      )
      const take = store.tokenBucket({
        key: "key",
        tokens: 1,
        limit: 5,
        refillRate: Duration.minutes(1),
        allowOverflow: false
      })
      yield* take
      yield* failOver
      yield* take
      yield* Effect.sleep("5.5 seconds")
      yield* take
      const admin = new Redis(next.href)
      assert.isNotEmpty(yield* Effect.promise(() => admin.keys("*rate*")))
      admin.disconnect()
    })
  )
})

describe("a Redis that is not there", () => {
  it.live("is told as such by the queue", () =>
    Effect.gen(function* () {
      const { enqueue, ping } = yield* queueAt(Redacted.make("redis://127.0.0.1:1"))
      for (const failing of [ping, enqueue([wakeUp()])]) {
        assert.strictEqual(
          (yield* Effect.flip(failing)).message,
          "the queue is unavailable: there is no connection to Redis"
        )
      }
    })
  )
})
