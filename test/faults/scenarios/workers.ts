import { assert } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { Scope } from "effect"
import { fails } from "../../support/fakeOpenAi.ts"
import { proxyTo, through } from "../../support/proxy.ts"
import { eventually } from "../eventually.ts"
import { after, answers } from "../provider.ts"
import { isRunning } from "../world.ts"
import type { Process, Scenario, World } from "../world.ts"

const attemptsOf = ({ ledger }: World, execution_id: string) =>
  Effect.map(ledger.attempts, (rows) => rows.filter((row) => row.execution_id === execution_id))

/** The outcomes of an execution's attempts, in order. */
const outcomesOf = (world: World, execution_id: string) =>
  Effect.map(attemptsOf(world, execution_id), (rows) => rows.map(({ outcome }) => outcome))

/** An execution that a worker alone has claimed and is calling the provider for. */
const inMidCall = Effect.fnUntraced(function* (
  world: World,
  worker: Effect.Effect<Process, never, Scope.Scope>
) {
  yield* world.startApi()
  const held = world.provider.hold()
  const first = yield* worker
  const execution = yield* world.submitOne()
  yield* world.untilCalls(1)
  return { held, first, execution }
})

export const killedInMidCall: Scenario = {
  number: 2,
  name: "a worker is killed in mid call",
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    const held = world.provider.hold()
    const first = yield* world.startWorker()
    yield* world.submitMany(8)
    yield* world.untilCalls(8)
    yield* world.startWorkers(2)
    const killed = Date.now()
    yield* world.kill(first)
    world.provider.behave(answers)
    held.answer()
    yield* world.submitMany(8)
    yield* world.settled()
    world.figures["worker_lost_ms"] = Date.now() - killed
    const lost = (yield* world.ledger.attempts).filter(({ outcome }) => outcome === "unknown")
    assert.lengthOf(lost, 8)
    for (const { marker } of world.client.acknowledged) {
      assert.isAtMost(world.provider.callsOf(marker).length, 2)
    }
  })
}

/** No Redis: workers claim from PostgreSQL, and so does the API, one at a time. */
const withoutRedis = { REDIS_URL: "" }
const atMost = (calls: number) => ({ env: { WORKER_CONCURRENCY: String(calls) } })

export const killedInMidCallWithoutRedis: Scenario = {
  number: 2,
  name: "a worker is killed in mid call, without Redis",
  env: withoutRedis,
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi(atMost(1))
    const held = world.provider.hold()
    const first = yield* world.startWorker(atMost(8))
    yield* world.submitMany(9)
    yield* world.untilCalls(9)
    yield* world.startWorkers(2)
    yield* world.kill(first)
    world.provider.behave(answers)
    held.answer()
    yield* world.submitMany(8)
    yield* world.settled()
    const lost = (yield* world.ledger.attempts).filter(({ outcome }) => outcome === "unknown")
    assert.lengthOf(lost, 8)
    for (const { marker } of world.client.acknowledged) {
      assert.isAtMost(world.provider.callsOf(marker).length, 2)
    }
  })
}

export const listenersTerminated: Scenario = {
  number: 16,
  name: "the connections by which workers are woken are terminated, without Redis",
  // What is found in time was not found by a sweep.
  env: { ...withoutRedis, SWEEP: "5 m" },
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi(atMost(1))
    const workers = yield* world.startWorkers(2, atMost(4))
    const held = world.provider.hold()
    yield* world.submitMany(9)
    yield* world.untilCalls(9)
    held.answer()
    yield* world.settled()
    yield* world.fault(
      "every listener terminated",
      Effect.orDie(world.ledger.sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%'`)
    )
    for (const worker of workers) yield* worker.says("can wake this one again")
    yield* world.submitMany(9)
    yield* world.untilCalls(18)
    world.provider.behave(answers)
    held.answer()
    yield* world.settled()
    assert.lengthOf(world.provider.calls, 18)
  })
}

const LEASE = 30_000
const AGAIN_WITHIN = 15_000

export const killedWithDefaultTimes: Scenario = {
  number: 2,
  name: "a worker is killed in mid call, with default times",
  env: { LEASE: "", HEARTBEAT: "", SWEEP: "", GRACE: "" },
  deadline: LEASE + 2 * AGAIN_WITHIN,
  play: Effect.fnUntraced(function* (world) {
    const { first, execution } = yield* inMidCall(world, world.startWorker())
    yield* world.startWorker()
    const { lease_expires_at } = (yield* world.executionOf(execution.marker))!
    yield* world.kill(first)
    world.provider.behave(answers)
    yield* world.settled()
    const [lost, again] = yield* attemptsOf(world, execution.execution_id)
    assert.strictEqual(lost!.outcome, "unknown")
    const waited = again!.started_at.getTime() - lease_expires_at!.getTime()
    world.figures["lease_end_ms"] = waited
    assert.isAtLeast(waited, 0)
    assert.isAtMost(waited, AGAIN_WITHIN)
  })
}

export const killedAfterClaim: Scenario = {
  number: 3,
  name: "a worker dies right after the claim",
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    // The provider is out of its reach, so that it gets no further than the claim.
    const toProvider = yield* proxyTo(world.provider.url)
    yield* toProvider.blackHole
    const first = yield* world.startWorker({
      env: { OPENAI_BASE_URL: through(toProvider, world.provider.url) }
    })
    const { marker, execution_id } = yield* world.submitOne()
    yield* world.until(marker, "running", ({ status }) => status === "running")
    yield* world.kill(first)
    yield* world.startWorker()
    yield* world.settled()
    assert.lengthOf(world.provider.callsOf(marker), 1)
    assert.deepStrictEqual(yield* outcomesOf(world, execution_id), ["unknown", "succeeded"])
  })
}

export const killedBeforeCommit: Scenario = {
  number: 4,
  name: "a worker dies after the answer and before the commit",
  // Long enough that nothing else is sent to PostgreSQL meanwhile.
  env: { LEASE: "6 s", HEARTBEAT: "3 s", SWEEP: "3 s" },
  play: Effect.fnUntraced(function* (world) {
    const toPostgres = yield* proxyTo(world.env.DATABASE_URL)
    const DATABASE_URL = through(toPostgres, world.env.DATABASE_URL)
    const { held, first, execution } = yield* inMidCall(world, world.startWorker({ env: { DATABASE_URL } }))
    yield* world.fault("the worker's PostgreSQL black-holed", toPostgres.blackHole)
    held.answer()
    yield* eventually(
      "the worker tries to commit",
      Effect.sync(() => toPostgres.swallowed() > 0)
    )
    const { status } = (yield* world.executionOf(execution.marker))!
    assert.strictEqual(status, "running")
    yield* world.kill(first)
    yield* toPostgres.restore
    world.provider.behave(answers)
    yield* world.startWorker()
    yield* world.settled()
    assert.lengthOf(world.provider.callsOf(execution.marker), 2)
    assert.deepStrictEqual(yield* outcomesOf(world, execution.execution_id), ["unknown", "succeeded"])
  })
}

export const killedBeforeAcknowledgement: Scenario = {
  number: 5,
  name: "a worker dies after the commit and before the acknowledgement",
  deadline: 30_000,
  play: Effect.fnUntraced(function* (world) {
    const toRedis = yield* proxyTo(world.redis.url)
    const REDIS_URL = through(toRedis, world.redis.url)
    const { held, first, execution } = yield* inMidCall(world, world.startWorker({ env: { REDIS_URL } }))
    yield* world.fault("the worker's Redis black-holed", toRedis.blackHole)
    held.answer()
    yield* world.until(execution.marker, "succeeded", ({ status }) => status === "succeeded")
    yield* world.kill(first)
    assert.strictEqual((yield* world.queue.jobs)["active"], 1)
    yield* world.startWorker()
    yield* world.queue.expireLocks
    yield* eventually(
      "the job is dropped",
      Effect.map(world.queue.jobs, (jobs) => Object.values(jobs).every((count) => count === 0)),
      world.scenario.deadline
    )
    assert.lengthOf(world.provider.callsOf(execution.marker), 1)
    assert.deepStrictEqual(yield* outcomesOf(world, execution.execution_id), ["succeeded"])
  })
}

/** While the first worker stands still, a second one takes its execution; then the first wakes up, with an answer. */
const overtaken = Effect.fnUntraced(function* (
  world: World,
  first: Effect.Effect<Process, never, Scope.Scope>,
  standStill: (worker: Process) => Effect.Effect<void>,
  wake: (worker: Process) => Effect.Effect<void>
) {
  const { held, first: zombie, execution } = yield* inMidCall(world, first)
  const { marker, execution_id } = execution
  world.provider.behave(answers)
  yield* world.fault("a worker stands still", standStill(zombie))
  const second = yield* world.startWorker()
  const won = yield* world.until(marker, "succeeded by another", ({ status }) => status === "succeeded")
  held.answer()
  yield* wake(zombie)
  // It has to be at work again before its write can be said to be refused.
  yield* world.kill(second)
  const next = yield* world.submitOne()
  yield* world.until(next.marker, "succeeded", ({ status }) => status === "succeeded", 40_000)
  assert.deepStrictEqual(yield* world.executionOf(marker), won)
  assert.deepStrictEqual(yield* outcomesOf(world, execution_id), ["unknown", "succeeded"])
  assert.lengthOf(world.provider.callsOf(marker), 2)
})

export const zombie: Scenario = {
  number: 6,
  name: "a worker is frozen past its lease, and wakes up",
  play: (world) =>
    overtaken(
      world,
      world.startWorker(),
      (worker) => worker.signal("SIGSTOP"),
      (worker) => worker.signal("SIGCONT")
    )
}

/** Longer than the lease, and than the lock of the job too. */
const BLOCKED = 18_000

export const blockedEventLoop: Scenario = {
  number: 7,
  name: "a worker's event loop is blocked past its lock",
  deadline: 40_000,
  play: (world) =>
    overtaken(
      world,
      world.startWorker({ preload: ["block"], env: { BLOCK_MILLIS: String(BLOCKED) } }),
      (worker) => worker.signal("SIGUSR2"),
      () => Effect.void
    )
}

/** Less than the drain, and enough for a process that gets little of a busy machine. */
const SOON = 5_000

export const toldToStop: Scenario = {
  number: 23,
  name: "a worker with active and waiting work is told to stop",
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    const held = world.provider.hold()
    const first = yield* world.startWorker({ env: { WORKER_CONCURRENCY: "2" } })
    yield* world.submitMany(8)
    yield* world.untilCalls(2)
    yield* world.fault("SIGTERM to the worker", first.signal("SIGTERM"))
    yield* eventually(
      "the worker says that it is not ready",
      Effect.map(world.client.send("GET", "/ready", { url: first.url }), ({ status }) => status === 503),
      SOON
    )
    assert.lengthOf(world.provider.calls, 2)
    held.answer()
    assert.strictEqual(yield* first.ended, 0)
    assert.lengthOf(world.provider.calls, 2)
    world.provider.behave(answers)
    yield* world.startWorker()
    yield* world.settled()
    assert.lengthOf(world.provider.calls, 8)
    assert.isTrue((yield* world.ledger.executions).every(({ lost_attempts }) => lost_attempts === 0))
  })
}

export const drainedApi: Scenario = {
  number: 23,
  name: "an API with a call under way is told to stop, and told again",
  play: Effect.fnUntraced(function* (world) {
    const api = yield* world.startApi()
    const held = world.provider.hold()
    const { body } = world.newSubmission()
    const ran = yield* Effect.forkChild(world.client.send("POST", "/v1/executions:run", { body }))
    yield* world.untilCalls(1)
    yield* world.fault("SIGTERM to the API", api.signal("SIGTERM"))
    yield* eventually(
      "the API says that it is not ready",
      Effect.map(world.client.send("GET", "/ready", { url: api.url }), ({ status }) => status === 503),
      SOON
    )
    held.answer()
    assert.strictEqual((yield* Fiber.join(ran)).status, 200)
    assert.strictEqual(yield* api.ended, 0)
    world.forget(api)

    const second = yield* world.startApi()
    const worker = yield* world.startWorker()
    world.provider.hold()
    yield* world.submitOne()
    yield* world.untilCalls(2)
    for (const process of [second, worker]) yield* process.signal("SIGTERM")
    yield* worker.says("stopping")
    const told = Date.now()
    yield* world.fault("a second SIGTERM", worker.signal("SIGTERM"))
    yield* worker.ended
    assert.isBelow(Date.now() - told, SOON)
    yield* second.stop("SIGTERM")
    world.forget(second)
    world.provider.behave(answers)
    yield* world.startApi()
    yield* world.startWorker()
  })
}

/** As often as an execution may lose its worker, and once more. */
const RESTARTS = 4

export const poison: Scenario = {
  number: 24,
  name: "a job that kills its worker each time",
  deadline: 30_000,
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    const start = world.startWorker({ preload: ["poison"] })
    let worker = yield* start
    const bad = world.newSubmission("poison")
    yield* world.submitOne(bad)
    yield* world.submitMany(5)
    const ended = Effect.map(world.executionOf(bad.marker), (row) => row?.status === "failed")
    for (let restarts = 0; restarts < RESTARTS; restarts++) {
      yield* eventually(
        "the worker dies or the job has failed",
        Effect.map(ended, (failed) => failed || !isRunning(worker))
      )
      if (yield* ended) break
      worker = yield* world.fault("a job killed its worker", start)
    }
    yield* world.submitMany(5)
    yield* world.settled()
    const row = yield* world.executionOf(bad.marker)
    assert.include(row, { status: "failed", error_type: "worker_lost", lost_attempts: 3 })
    for (const { status, marker } of yield* world.ledger.executions) {
      if (marker !== bad.marker) assert.strictEqual(status, "succeeded", marker)
    }
  })
}

const HOUR = 3_600_000

export const wrongClock: Scenario = {
  number: 27,
  name: "workers whose clocks are an hour off, either way",
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    const startOff = (offset: number) =>
      world.fault(
        "a clock one hour off",
        world.startWorker({
          preload: ["clock"],
          env: { CLOCK_OFFSET_MILLIS: String(offset), WORKER_CONCURRENCY: "8" }
        })
      )
    yield* startOff(-HOUR)
    yield* startOff(HOUR)
    const retried = world.newSubmission()
    world.provider.plan(retried.marker, [() => fails(500)])
    yield* world.submitOne(retried)
    yield* world.untilCalls(1)
    // Longer than the lease, so that it has to be renewed.
    world.provider.behave(after(6_000))
    yield* world.submitMany(15)
    yield* world.settled()
    assert.lengthOf(world.provider.callsOf(retried.marker), 2)
    assert.lengthOf(world.provider.calls, 17)
    const [first, second] = world.provider.callsOf(retried.marker)
    assert.isAtLeast(second!.at - first!.at, 4_900)
  })
}

export const clockAhead: Scenario = {
  number: 27,
  name: "a worker whose clock is ahead schedules a retry, and dies",
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    const ahead = yield* world.fault(
      "a clock one hour off",
      world.startWorker({ preload: ["clock"], env: { CLOCK_OFFSET_MILLIS: String(HOUR) } })
    )
    const retried = world.newSubmission()
    world.provider.plan(retried.marker, [() => fails(500)])
    yield* world.submitOne(retried)
    yield* world.until(
      retried.marker,
      "queued for its retry",
      ({ status, attempts }) => status === "queued" && attempts === 1
    )
    yield* world.kill(ahead)
    yield* world.startWorker()
    yield* world.settled()
    assert.lengthOf(world.provider.callsOf(retried.marker), 2)
  })
}
