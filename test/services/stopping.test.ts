import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Executions } from "../../src/services/Executions.ts"
import { Lifecycle } from "../../src/services/Lifecycle.ts"
import { ProcessUnavailable } from "../../src/services/ProcessUnavailable.ts"
import type { Provider } from "../../src/services/Providers.ts"
import { newName, PROJECT } from "../support/ledger.ts"
import { request, until, upsert } from "../support/service.ts"

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

  it.effect("has a thousand sync runs under way, and no more", () => {
    const { provider, waiting } = silent()
    return Effect.gen(function* () {
      const run = yield* prompt
      for (let begun = 0; begun < 1_000; begun++) yield* Effect.forkChild(run)
      yield* until(Effect.sync(() => waiting() === 1_000))
      assert.strictEqual(refusal(yield* Effect.exit(run)), "busy")
      const { stop } = yield* Lifecycle
      const stopped = yield* Effect.forkChild(stop, { startImmediately: true })
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(stopped)
    }).pipe(Effect.provide(serviceOf(provider)))
  })
})
