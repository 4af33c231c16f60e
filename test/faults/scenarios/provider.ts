import { assert } from "@effect/vitest"
import { Effect } from "effect"
import type { ServerResponse } from "node:http"
import { closesEarly, floods, fails, hangs, resets, says, sends, stalls } from "../../support/fakeOpenAi.ts"
import type { Reply } from "../provider.ts"
import { memoryOf } from "../world.ts"
import type { Scenario, World } from "../world.ts"

/** Whatever is asked, this. */
const always =
  (behaviour: ReturnType<Reply>): Reply =>
  () =>
    behaviour

const twoProcesses = (world: World) => Effect.all([world.startApi(), world.startWorker()])

/** Submits an execution that the provider answers so, call by call. */
const submitAnswered = (world: World, replies: ReadonlyArray<Reply>) =>
  Effect.suspend(() => {
    const submission = world.newSubmission()
    world.provider.plan(submission.marker, replies)
    return world.submitOne(submission)
  })

const outcomesOf = (world: World, execution_id: string) =>
  Effect.map(world.ledger.attempts, (rows) =>
    rows.filter((row) => row.execution_id === execution_id).map(({ outcome }) => outcome)
  )

export const serverErrors: Scenario = {
  number: 18,
  name: "the provider says 500 twice, and always",
  play: Effect.fnUntraced(function* (world) {
    yield* twoProcesses(world)
    const failure = always(fails(500))
    const twice = yield* submitAnswered(world, [failure, failure])
    const forever = yield* submitAnswered(
      world,
      Array.from({ length: 20 }, () => failure)
    )
    // Its retries wait for 5 s, 30 s and 2 min; the suite makes them due at once.
    yield* world.settled({ hasten: true })
    assert.deepStrictEqual(yield* outcomesOf(world, twice.execution_id), [
      "retryable",
      "retryable",
      "succeeded"
    ])
    assert.lengthOf(world.provider.callsOf(twice.marker), 3)
    assert.lengthOf(world.provider.callsOf(forever.marker), 4)
    assert.include(yield* world.executionOf(forever.marker), {
      status: "failed",
      error_type: "provider_server_error"
    })
  })
}

export const rateLimited: Scenario = {
  number: 19,
  name: "the provider says 429 with Retry-After",
  play: Effect.fnUntraced(function* (world) {
    yield* twoProcesses(world)
    const limited = always(fails(429, "slow down", { "retry-after": "7" }))
    const { marker } = yield* submitAnswered(world, [limited])
    yield* world.settled()
    const [first, second, ...more] = world.provider.callsOf(marker)
    assert.lengthOf(more, 0)
    assert.isAtLeast(second!.at - first!.at, 7_000)
  })
}

export const rejected: Scenario = {
  number: 20,
  name: "the provider rejects the request: 400, 401, 403, 404, 409, 422",
  play: Effect.fnUntraced(function* (world) {
    yield* twoProcesses(world)
    const message = `Incorrect API key provided: ${world.secrets.providerKey}`
    for (const status of [400, 401, 403, 404, 409, 422]) {
      const { marker } = yield* submitAnswered(world, [always(fails(status, message))])
      const row = yield* world.until(marker, "failed", (execution) => execution.status === "failed")
      assert.strictEqual(row.error_type, "provider_rejected")
      assert.notInclude(row.error_message, world.secrets.providerKey)
      assert.lengthOf(world.provider.callsOf(marker), 1)
    }
  })
}

/** A byte now and then, for ever: the connection is never idle. */
const drips = (_: unknown, response: ServerResponse) => {
  response.writeHead(200, { "content-type": "application/json" })
  const drip = setInterval(() => response.write(" "), 50)
  response.once("close", () => clearInterval(drip))
}

export const slow: Scenario = {
  number: 21,
  name: "the provider hangs before its headers, stalls in the body, drips",
  env: { PROVIDER_TIMEOUT: "1 s" },
  play: Effect.fnUntraced(function* (world) {
    yield* twoProcesses(world)
    yield* Effect.forEach([hangs, stalls, drips], (behaviour) =>
      world.fault("a slow provider", submitAnswered(world, [always(behaviour)]))
    )
    yield* world.settled({ hasten: true })
    const ended = (yield* world.ledger.attempts).filter(({ attempt_number }) => attempt_number === 1)
    assert.lengthOf(ended, 3)
    for (const { error_type, outcome, latency_ms } of ended) {
      assert.strictEqual(error_type, "provider_timeout")
      assert.strictEqual(outcome, "retryable")
      assert.isAtLeast(latency_ms!, 990)
      assert.isAtMost(latency_ms!, 5_000)
    }
  })
}

/** With an answer of 300 MB under way, were it buffered, a process would be far above this. */
const MAX_MEMORY_MB = 350

export const broken: Scenario = {
  number: 22,
  name: "the provider resets, closes early, sends bad JSON, 300 MB, NUL, a lone surrogate",
  play: Effect.fnUntraced(function* (world) {
    const [, worker] = yield* twoProcesses(world)
    const connectionLost = { outcome: "retryable", error_type: "provider_connection" } as const
    const unreadable = { outcome: "failed", error_type: "provider_invalid_response" } as const
    const faults = [
      { reply: always(resets), attempt: connectionLost },
      { reply: always(closesEarly), attempt: connectionLost },
      { reply: always(sends("{bad")), attempt: unreadable },
      { reply: always(floods(300 * 1024 * 1024)), attempt: unreadable }
    ]
    const texts = ["nul \u0000 here", "lone \ud800 here"]
    for (const { reply, attempt } of faults) {
      const { execution_id } = yield* world.fault("a broken answer", submitAnswered(world, [reply]))
      yield* world.settled({ hasten: true })
      const first = (yield* world.ledger.attempts).find((row) => row.execution_id === execution_id)
      assert.include(first, attempt)
      assert.isBelow(memoryOf(worker), MAX_MEMORY_MB)
    }
    for (const text of texts) {
      const { marker } = yield* world.fault(
        "an answer that can't be stored",
        submitAnswered(world, [({ id }) => says(`answer to ${id} ${text}`, { "x-request-id": id })])
      )
      yield* world.settled()
      const row = yield* world.executionOf(marker)
      assert.include(row, { status: "succeeded", error_type: "replaced" })
      assert.include(row!.response_text!, "\ufffd here")
    }
  })
}
