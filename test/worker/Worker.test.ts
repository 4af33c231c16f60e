import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Option, Redacted, References, Scope, Stream } from "effect"
import { Database } from "../../src/layers/postgres/Database.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Executions } from "../../src/services/Executions.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { newDatabase } from "../support/database.ts"
import { fakeOpenAi, hangs, onCue, says } from "../support/fakeOpenAi.ts"
import { newName, PROJECT } from "../support/ledger.ts"
import { proxyTo, through } from "../support/proxy.ts"
import { lineageOf, openAiOf, request, until, untilStatus, upsert } from "../support/service.ts"

/** A process of the service over a PostgreSQL database, which can be told to stop. */
const startProcess = Effect.fnUntraced(function* (
  url: Redacted.Redacted,
  options: PromptLedger.Options = {}
) {
  const scope = yield* Scope.fork(yield* Effect.scope)
  const quiet = Layer.succeed(References.MinimumLogLevel, "None")
  const layer = PromptLedger.layerPostgres({ url, ...options }).pipe(Layer.provide(quiet))
  const context = yield* Layer.buildWithScope(layer, scope)
  return {
    run: <A, E>(effect: Effect.Effect<A, E, Layer.Success<typeof layer>>) => Effect.provide(effect, context),
    stop: Scope.close(scope, Exit.void)
  }
})

/** An empty ledger, and a provider that answers when it is told to. */
const world = Effect.gen(function* () {
  const url = yield* newDatabase
  const provider = yield* fakeOpenAi
  const { behaviour, answer } = onCue(says("Hi"))
  let hungUp = false
  provider.behave((call, response) => {
    behaviour(call, response)
    response.once("close", () => {
      hungUp = true
    })
  })
  return {
    url,
    provider,
    providers: [openAiOf(provider)],
    answer: Effect.sync(answer),
    called: until(Effect.sync(() => provider.calls.length > 0)),
    hungUp: until(Effect.sync(() => hungUp))
  }
})

/** A prompt and an execution of it that a worker has begun. */
const begun = Effect.fnUntraced(function* () {
  const executions = yield* Executions
  const name = newName()
  yield* upsert(name, "Hello {{ name }}")
  return (yield* executions.submit(PROJECT, "full", request(name))).execution_id
})

describe("a worker that is told to stop", () => {
  it.live("takes no more work, and lets the call that is under way come to its end", () =>
    Effect.gen(function* () {
      const { url, providers, called, answer, provider } = yield* world
      const stopping = yield* startProcess(url, { providers })
      const execution_id = yield* stopping.run(begun())
      yield* called
      const stopped = yield* Effect.forkChild(stopping.stop)
      const later = yield* startProcess(url, { settings: { worker_concurrency: 1 } })
      assert.isUndefined(stopped.pollUnsafe())
      yield* answer
      yield* Fiber.join(stopped)
      const { execution, attempts } = yield* later.run(lineageOf(execution_id))
      assert.include(execution, { status: "succeeded", response_text: "Hi", attempts: 1, lost_attempts: 0 })
      assert.lengthOf(attempts, 1)
      assert.lengthOf(provider.calls, 1)
    })
  )

  it.live("gives back what takes longer than its drain, without counting an attempt", () =>
    Effect.gen(function* () {
      const { url, providers, called, hungUp, provider } = yield* world
      const stopping = yield* startProcess(url, { providers, settings: { drain: Duration.millis(50) } })
      const execution_id = yield* stopping.run(begun())
      yield* called
      yield* stopping.stop
      yield* hungUp
      provider.behave(says("second worker"))
      const next = yield* startProcess(url, {
        providers,
        settings: { sweep: Duration.millis(50), grace: Duration.zero }
      })
      yield* next.run(untilStatus(execution_id, "succeeded"))
      const { execution, attempts } = yield* next.run(lineageOf(execution_id))
      assert.include(execution, { attempts: 1, lost_attempts: 1, response_text: "second worker" })
      assert.deepStrictEqual(
        attempts.map(({ outcome }) => outcome),
        ["unknown", "succeeded"]
      )
    })
  )

  it.live("ends a sync run that takes longer than its drain as failed, and tells its caller", () =>
    Effect.gen(function* () {
      const { url, providers, called } = yield* world
      const stopping = yield* startProcess(url, { providers, settings: { drain: Duration.millis(50) } })
      const name = newName()
      yield* stopping.run(upsert(name, "Hello {{ name }}"))
      const running = yield* Effect.forkChild(
        Effect.exit(stopping.run(Executions.use(({ run }) => run(PROJECT, "full", request(name)))))
      )
      yield* called
      yield* stopping.stop
      assert.isTrue(Exit.isFailure(yield* Fiber.join(running)))
      const next = yield* startProcess(url)
      const { items } = yield* next.run(
        Executions.use(({ list }) => list(PROJECT, { prompt_name: name }, { limit: 9 }))
      )
      assert.lengthOf(items, 1)
      assert.include(items[0], { status: "failed", error_type: "worker_lost", mode: "sync" })
    })
  )
})

describe("a worker", () => {
  it.live("writes down an answer that came while the database was away", () =>
    Effect.gen(function* () {
      const { url, providers, called, answer, provider } = yield* world
      const proxy = yield* proxyTo(Redacted.value(url))
      const worker = yield* startProcess(Redacted.make(through(proxy, Redacted.value(url))), {
        providers,
        settings: { heartbeat: Duration.millis(20) }
      })
      const execution_id = yield* worker.run(begun())
      yield* called
      yield* proxy.cut
      yield* answer
      yield* until(Effect.sync(() => proxy.refused() > 1))
      yield* proxy.restore
      yield* until(
        worker.run(ExecutionStore.use(({ status }) => status(PROJECT, execution_id))).pipe(
          Effect.map((status) => Option.contains(status, "succeeded")),
          Effect.catchDefect(() => Effect.succeed(false))
        )
      )
      assert.lengthOf(provider.calls, 1)
    })
  )

  it.live("does so too when the database was away for longer than a lease, whoever sweeps", () =>
    Effect.gen(function* () {
      const { url, providers, called, answer, provider } = yield* world
      const proxy = yield* proxyTo(Redacted.value(url))
      const proxied = Redacted.make(through(proxy, Redacted.value(url)))
      const settings = {
        lease: Duration.millis(500),
        heartbeat: Duration.millis(200),
        sweep: Duration.millis(20)
      }
      const worker = yield* startProcess(proxied, { providers, settings })
      yield* startProcess(proxied, { providers, settings })
      const execution_id = yield* worker.run(begun())
      yield* called
      yield* proxy.cut
      yield* answer
      yield* Effect.sleep("2 seconds")
      yield* proxy.restore
      const ledger = yield* startProcess(url, { settings: { sweep: Duration.hours(1) } })
      yield* ledger.run(untilStatus(execution_id, "succeeded"))
      const { execution } = yield* ledger.run(lineageOf(execution_id))
      assert.include(execution, { attempts: 1, lost_attempts: 0 })
      assert.lengthOf(provider.calls, 1)
    })
  )

  it.live("goes down when it is told to, also when it can't give anything back", () =>
    Effect.gen(function* () {
      const { url, providers, called, hungUp } = yield* world
      const proxy = yield* proxyTo(Redacted.value(url))
      const worker = yield* startProcess(Redacted.make(through(proxy, Redacted.value(url))), {
        providers,
        settings: { drain: Duration.zero }
      })
      yield* worker.run(begun())
      yield* called
      yield* proxy.cut
      yield* worker.stop
      yield* hungUp
    })
  )

  it.live("ends an execution whose provider breaks down as no provider should", () =>
    Effect.gen(function* () {
      const { url } = yield* world
      const broken = { name: "openai", complete: () => Stream.die(new Error("a bug, and a secret")) } as const
      const worker = yield* startProcess(url, { providers: [broken] })
      const execution_id = yield* worker.run(begun())
      yield* worker.run(untilStatus(execution_id, "failed"))
      const { execution } = yield* worker.run(lineageOf(execution_id))
      assert.include(execution, {
        error_type: "provider_invalid_response",
        error_message: "the call failed unexpectedly"
      })
    })
  )

  it.live("leaves to a later attempt what needs a provider that it has not set up", () =>
    Effect.gen(function* () {
      const { url, providers, provider } = yield* world
      provider.behave(hangs)
      const api = yield* startProcess(url, { providers, settings: { drain: Duration.zero } })
      const execution_id = yield* api.run(begun())
      yield* api.stop
      const settings = { sweep: Duration.millis(50), grace: Duration.zero }
      const lacking = yield* startProcess(url, { settings })
      const tried = Effect.map(lacking.run(lineageOf(execution_id)), ({ attempts }) => attempts.at(-1))
      yield* until(Effect.map(tried, (last) => last?.error_type === "provider_not_set_up"))
      assert.deepInclude(yield* tried, {
        outcome: "retryable",
        error_message: "openai is not set up here"
      })
      yield* lacking.stop

      provider.behave(says("Hi"))
      const having = yield* startProcess(url, { providers, settings })
      // Not in 5 seconds, but now.
      yield* having.run(Database.use(({ write }) => write`UPDATE executions SET next_attempt_at = now()`))
      yield* having.run(untilStatus(execution_id, "succeeded"))
    })
  )
})
