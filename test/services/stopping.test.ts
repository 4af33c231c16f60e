import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Executions } from "../../src/services/Executions.ts"
import { Lifecycle } from "../../src/services/Lifecycle.ts"
import { ProcessUnavailable } from "../../src/services/ProcessUnavailable.ts"
import type { Provider } from "../../src/services/Providers.ts"
import { newName, PROJECT } from "../support/ledger.ts"
import { pass, request, until, upsert } from "../support/service.ts"

/** A provider that never answers, and tells how many it keeps waiting. */
const silent = () => {
  let waiting = 0
  const provider: Provider = {
    name: "openai",
    complete: () => Stream.suspend(() => (waiting++, Stream.never))
  }
  return { provider, waiting: () => waiting }
}

const serviceOf = (provider: Provider) => PromptLedger.layerMemory({ providers: [provider] })

const prompt = Effect.gen(function* () {
  const name = newName()
  yield* upsert(name, "Hello {{ name }}")
  const { run } = yield* Executions
  return run(PROJECT, "full", request(name))
})

const refusal = <A, E>(exit: Exit.Exit<A, E>) => {
  assert(Exit.isFailure(exit))
  const error = Cause.squash(exit.cause)
  assert.instanceOf(error, ProcessUnavailable)
  return error.reason
}

/** Has the process stop, and the time go by that calls under way have. */
const stopping = Effect.gen(function* () {
  const { stop } = yield* Lifecycle
  const stopped = yield* Effect.forkChild(stop, { startImmediately: true })
  yield* TestClock.adjust("20 seconds")
  yield* Fiber.join(stopped)
})

describe("a process", () => {
  it.effect("that is told to stop begins no sync run, and gives back those that outlast its time", () => {
    const { provider, waiting } = silent()
    return Effect.gen(function* () {
      const run = yield* prompt
      const { stop } = yield* Lifecycle
      const running = yield* Effect.forkChild(Effect.flip(run))
      yield* until(Effect.sync(() => waiting() === 1))
      const stopped = yield* Effect.forkChild(stop, { startImmediately: true })
      assert.strictEqual(refusal(yield* Effect.exit(run)), "stopping")
      yield* TestClock.adjust("19 seconds")
      assert.isUndefined(stopped.pollUnsafe())
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(stopped)
      assert.deepInclude(yield* Fiber.join(running), { _tag: "ExecutionFailed", error_type: "worker_lost" })
      assert.strictEqual(waiting(), 1)
    }).pipe(Effect.provide(serviceOf(provider)))
  })

  it.effect("has a thousand sync runs under way, and no more, also when they come at once", () => {
    const { provider, waiting } = silent()
    return Effect.gen(function* () {
      const run = yield* prompt
      const bursting = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 1_500 }, () => Effect.exit(run)),
          { concurrency: "unbounded" }
        )
      )
      yield* until(Effect.sync(() => waiting() >= 1_000))
      assert.strictEqual(refusal(yield* Effect.exit(run)), "busy")
      assert.strictEqual(waiting(), 1_000)
      yield* stopping
      const exits = yield* Fiber.join(bursting)
      assert.strictEqual(waiting(), 1_000)
      const refused = exits.filter((exit) => Exit.hasDies(exit)).map(refusal)
      assert.deepStrictEqual(
        refused,
        Array.from({ length: 500 }, () => "busy")
      )
    }).pipe(Effect.provide(serviceOf(provider)))
  })

  it.effect("has room again for each run that ended, in whatever way, or was none", () => {
    const { provider, waiting } = silent()
    return Effect.gen(function* () {
      const { run } = yield* Executions
      const name = newName()
      yield* upsert(name, "Hello {{ name }}")
      const echoed = request(name, {
        model: { provider: "echo", model_name: "echo" },
        idempotency_key: "key"
      })
      const asked = [echoed, { ...echoed, idempotency_key: "other" }, request(name, { variables: {} })]
      for (let round = 0; round < 400; round++) {
        yield* Effect.forEach(asked, (one) => Effect.exit(run(PROJECT, "full", one)))
      }
      yield* Effect.forkChild(run(PROJECT, "full", request(name)))
      yield* until(Effect.sync(() => waiting() === 1))
      yield* stopping
    }).pipe(Effect.provide(serviceOf(provider)))
  })

  it.effect("answers for what a key stands for, though it begins nothing any more", () => {
    const { provider, waiting } = silent()
    return Effect.gen(function* () {
      const { run } = yield* Executions
      const name = newName()
      yield* upsert(name, "Hello {{ name }}")
      const model = { provider: "echo", model_name: "echo" } as const
      const asked = request(name, { model, idempotency_key: "key" })
      const { execution_id } = yield* run(PROJECT, "full", asked)
      yield* Lifecycle.use(({ stop }) => stop)
      assert.deepInclude(yield* run(PROJECT, "full", asked), { execution_id, replayed: true })
      const reused = yield* Effect.flip(run(PROJECT, "full", { ...asked, environment: "prod" }))
      assert.strictEqual(reused._tag, "IdempotencyKeyReused")
      const unknown = yield* Effect.exit(run(PROJECT, "full", { ...asked, idempotency_key: "other" }))
      assert.strictEqual(refusal(unknown), "stopping")
      assert.strictEqual(waiting(), 0)
    }).pipe(Effect.provide(serviceOf(provider)))
  })

  it.effect("that is told to stop ends polls with the state as it stands", () => {
    const { provider, waiting } = silent()
    return Effect.gen(function* () {
      const { get, submit } = yield* Executions
      const name = newName()
      yield* upsert(name, "Hello {{ name }}")
      const { execution_id } = yield* submit(PROJECT, "full", request(name))
      yield* until(Effect.sync(() => waiting() === 1))
      const poll = get(PROJECT, execution_id, Duration.seconds(30))
      const early = yield* Effect.forkChild(poll)
      yield* pass(3)
      assert.isUndefined(early.pollUnsafe())
      const { stop } = yield* Lifecycle
      const stopped = yield* Effect.forkChild(stop, { startImmediately: true })
      yield* pass(1)
      assert.strictEqual((yield* Fiber.join(early)).status, "running")
      assert.strictEqual((yield* poll).status, "running")
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(stopped)
    }).pipe(Effect.provide(serviceOf(provider)))
  })
})
