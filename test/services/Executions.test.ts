import { assert, describe, layer } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Option } from "effect"
import { vi } from "vitest"
import { ExecutionId } from "../../src/domain/Ids.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { Executions } from "../../src/services/Executions.ts"
import { Prompts } from "../../src/services/Prompts.ts"
import { fails, hangs, onCue, resets, says } from "../support/fakeOpenAi.ts"
import { newExecution, newName, OTHER_PROJECT, PROJECT } from "../support/ledger.ts"
import { logged } from "../support/logged.ts"
import {
  lineageOf,
  pass,
  Provider,
  register,
  request,
  serviceLayer,
  statusOf,
  until,
  untilStatus,
  upsert
} from "../support/service.ts"

const NO_WAIT = Duration.zero
const callsOf = Effect.map(Provider, ({ calls }) => calls.length)

/** A prompt of its own, and the stand-in as if it had never been called. */
const prompt = Effect.fnUntraced(function* (template = "Hello {{ name }}") {
  const provider = yield* Provider
  provider.forget()
  provider.behave(says("Hi"))
  const name = newName()
  yield* upsert(name, template)
  return { name, provider }
})

/** A sync run that somebody waits for, and whose provider does not answer. */
const hangingRun = Effect.gen(function* () {
  const { run } = yield* Executions
  const store = yield* ExecutionStore
  const { name, provider } = yield* prompt()
  provider.behave(hangs)
  const running = yield* Effect.forkChild(run(PROJECT, "full", request(name, { idempotency_key: "hanging" })))
  yield* until(Effect.map(callsOf, (calls) => calls === 1))
  const { execution_id } = Option.getOrThrow(yield* store.keyed(PROJECT, name, "hanging"))
  return { execution_id, running }
})

layer(serviceLayer, { timeout: "60 seconds" })("Executions", (it) => {
  describe("run", () => {
    it.effect("answers with the response and its telemetry, and keeps the whole lineage", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        const { replayed, ...execution } = yield* executions.run(
          PROJECT,
          "full",
          request(name, { correlation_id: "c" })
        )
        assert.isFalse(replayed)
        assert.deepInclude(execution, {
          status: "succeeded",
          mode: "sync",
          response_text: "Hi",
          prompt_name: name,
          version_number: 1,
          correlation_id: "c"
        })
        assert.deepInclude(execution.telemetry, {
          provider: "openai",
          model_name: "gpt-4o-mini",
          prompt_tokens: 11,
          response_tokens: 7,
          provider_request_id: "req_fake"
        })
        assert.deepStrictEqual(provider.calls[0]!.body["messages"], [{ role: "user", content: "Hello Ada" }])
        const lineage = yield* executions.lineage(PROJECT, execution.execution_id)
        assert.strictEqual(lineage.execution.rendered_prompt.text, "Hello Ada")
        assert.deepStrictEqual(lineage.variables, { name: "Ada" })
        assert.lengthOf(lineage.attempts, 1)
        assert.deepStrictEqual(yield* executions.get(PROJECT, execution.execution_id, NO_WAIT), execution)
      })
    )

    it.effect("refuses, as submit does, what breaks the rules of a field: nothing of it is kept", () =>
      Effect.gen(function* () {
        const { list, run, submit } = yield* Executions
        const { name } = yield* prompt()
        const faulty: ReadonlyArray<readonly [more: object, path: string]> = [
          [{ prompt_name: "a\0" }, "prompt_name"],
          [{ version_number: 1.5 }, "version_number"],
          [{ environment: "" }, "environment"],
          [{ correlation_id: "a\0" }, "correlation_id"],
          [{ idempotency_key: "é" }, "idempotency_key"],
          [{ model: { provider: "nobody", model_name: "m" } }, "model.provider"],
          [{ model: { provider: "openai", model_name: "" } }, "model.model_name"],
          [{ params: { temperature: 5 } }, "params.temperature"],
          [{ params: { temperature: Number.NaN } }, "params.temperature"],
          [{ variables: { name: "a\0" } }, "variables.name"],
          [{ variables: { name: { first: ["\ud800"] } } }, "variables.name.first.0"],
          [{ variables: { name: "Ada", born: new Date(0) } }, "variables.born"],
          [{ variables: { name: "Ada", age: 1n } }, "variables.age"]
        ]
        for (const [more, path] of faulty) {
          for (const attempt of [run, submit]) {
            const refused = yield* Effect.flip<unknown, Effect.Error<ReturnType<typeof run>>, never>(
              attempt(PROJECT, "full", request(name, more))
            )
            assert(refused._tag === "InvalidRequest", path)
            assert.deepStrictEqual([...new Set(refused.errors.map((error) => error.path.join(".")))], [path])
          }
        }
        const { items } = yield* list(PROJECT, { prompt_name: name }, { limit: 1 })
        assert.deepStrictEqual(items, [])
      })
    )

    it.effect("runs the active version by default and any other on demand", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt("one {{ name }}")
        yield* upsert(name, "two {{ name }}")
        yield* executions.run(PROJECT, "full", request(name))
        yield* executions.run(PROJECT, "full", request(name, { version_number: 1 }))
        assert.deepStrictEqual(
          provider.calls.map(
            ({ body }) => (body["messages"] as ReadonlyArray<{ content: string }>)[0]!.content
          ),
          ["two Ada", "one Ada"]
        )
      })
    )

    it.effect("fails with what the provider did, once called, and the row says so", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        for (const [behaviour, error_type] of [
          [fails(500, "boom"), "provider_server_error"],
          [fails(400, "bad"), "provider_rejected"],
          [fails(429, "slow", { "retry-after": "9" }), "provider_rate_limited"],
          [resets, "provider_connection"]
        ] as const) {
          const { name, provider } = yield* prompt()
          provider.behave(behaviour)
          const error = yield* Effect.flip(executions.run(PROJECT, "full", request(name)))
          assert(error._tag === "ExecutionFailed")
          assert.strictEqual(error.error_type, error_type)
          assert.strictEqual(Option.isSome(error.retry_after), error_type === "provider_rate_limited")
          assert.strictEqual(yield* callsOf, 1)
          const { execution, attempts } = yield* lineageOf(error.execution_id)
          assert.include(execution, { status: "failed", error_type, attempts: 1 })
          assert.lengthOf(attempts, 1)
        }
      })
    )

    it.effect("gives a provider so long for its whole answer, and no longer", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        provider.behave(hangs)
        const running = yield* Effect.forkChild(Effect.flip(executions.run(PROJECT, "full", request(name))))
        yield* until(Effect.map(callsOf, (calls) => calls === 1))
        yield* pass(59)
        assert.isUndefined(running.pollUnsafe())
        yield* pass(1)
        const error = yield* Fiber.join(running)
        assert.deepInclude(error, { _tag: "ExecutionFailed", error_type: "provider_timeout" })
      })
    )

    it.effect("goes on and is recorded when nobody waits for it any more", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        const { behaviour, answer } = onCue(says("late"))
        provider.behave(behaviour)
        const running = yield* Effect.forkChild(
          executions.run(PROJECT, "full", request(name, { idempotency_key: "gone" }))
        )
        yield* until(Effect.map(callsOf, (calls) => calls === 1))
        yield* Fiber.interrupt(running)
        answer()
        const store = yield* ExecutionStore
        const { execution_id } = Option.getOrThrow(yield* store.keyed(PROJECT, name, "gone"))
        yield* untilStatus(execution_id, "succeeded")
        const { execution } = yield* lineageOf(execution_id)
        assert.strictEqual(execution.response_text, "late")
      })
    )

    it.effect("writes one line of ids and numbers to the log when it ends, and no text", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name } = yield* prompt()
        const { value, lines } = yield* logged(executions.run(PROJECT, "full", request(name)))
        const { execution_id, telemetry } = value
        assert.lengthOf(lines, 1)
        const { message, annotations } = lines[0]
        assert.strictEqual(message, "execution finished")
        const { provider, model_name, latency_ms, prompt_tokens, response_tokens } = telemetry
        assert.deepStrictEqual(annotations, {
          execution_id,
          status: "succeeded",
          mode: "sync",
          provider,
          model_name,
          latency_ms,
          prompt_tokens,
          response_tokens,
          attempts: 1,
          error_type: null
        })
      })
    )

    it.effect("writes that line also when it is canceled", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { execution_id, running } = yield* hangingRun
        const { lines } = yield* logged(executions.cancel(PROJECT, execution_id))
        assert.lengthOf(lines, 1)
        assert.deepInclude(lines[0].annotations, { execution_id, status: "canceled" })
        yield* pass(11)
        yield* Fiber.await(running)
      })
    )

    it.effect("is answered by the echo when that is asked for", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name } = yield* prompt()
        const { telemetry, response_text } = yield* executions.run(
          PROJECT,
          "full",
          request(name, { model: { provider: "echo", model_name: "echo" } })
        )
        assert.include(telemetry, { provider: "echo", model_name: "echo" })
        assert.strictEqual(response_text, "[echo] Hello Ada")
        assert.strictEqual(yield* callsOf, 0)
      })
    )

    it.effect("is answered by the echo where the provider is not set up, and the row says so", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const name = newName()
        yield* upsert(name, "Hello {{ name }}")
        const { execution_id, response_text } = yield* executions.run(PROJECT, "full", request(name))
        assert.strictEqual(response_text, "[echo] Hello Ada")
        const { execution, model } = yield* lineageOf(execution_id)
        assert.include(execution.telemetry, { provider: "echo", model_name: "echo" })
        assert.include(model, { provider: "echo", model_name: "echo" })
      }).pipe(Effect.provide(Layer.fresh(PromptLedger.layerMemory())))
    )
  })

  describe("what comes before the row", () => {
    it.effect("leaves none behind, and calls nobody", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name } = yield* prompt("{{ name }} {{ user.mail }}")
        const draft = newName()
        yield* upsert(draft, "x", false)
        const tracked = newName()
        yield* register(tracked, "x")
        for (const [door, asked, tag] of [
          ["full", request(newName()), "PromptNotFound"],
          ["full", request(draft), "NoActiveVersion"],
          ["full", request(name, { version_number: 9 }), "VersionNotFound"],
          ["full", request(tracked), "ModeMismatch"],
          ["tracking", request(name), "ModeMismatch"],
          ["full", request(name, { variables: {} }), "UndefinedVariable"],
          ["full", request(name, { variables: { name: "x", user: {} } }), "UndefinedVariable"]
        ] as const) {
          for (const start of [executions.run, executions.submit]) {
            const error = yield* Effect.flip(start(PROJECT, door, asked))
            assert.strictEqual(error._tag, tag)
          }
        }
        const error = yield* Effect.flip(executions.run(PROJECT, "full", request(name, { variables: {} })))
        assert.deepInclude(error, { variables: ["name", "user"] })
        for (const prompt_name of [name, draft, tracked]) {
          const { items } = yield* executions.list(PROJECT, { prompt_name }, { limit: 5 })
          assert.deepStrictEqual(items, [])
        }
        assert.strictEqual(yield* callsOf, 0)
      })
    )
  })

  describe("submit", () => {
    it.effect("answers at once, and a worker runs it", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name } = yield* prompt()
        const { execution_id, ...accepted } = yield* executions.submit(PROJECT, "full", request(name))
        assert.deepStrictEqual(accepted, {
          status: "queued",
          mode: "async",
          prompt_name: name,
          version_number: 1,
          replayed: false
        })
        yield* untilStatus(execution_id, "succeeded")
        assert.strictEqual((yield* executions.get(PROJECT, execution_id, NO_WAIT)).response_text, "Hi")
      })
    )

    it.effect("runs any version on demand, also one that is superseded meanwhile", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name } = yield* prompt("one {{ name }}")
        yield* upsert(name, "two {{ name }}")
        const { execution_id } = yield* executions.submit(
          PROJECT,
          "full",
          request(name, { version_number: 1 })
        )
        yield* untilStatus(execution_id, "succeeded")
        const { execution, version } = yield* lineageOf(execution_id)
        assert.strictEqual(execution.rendered_prompt.text, "one Ada")
        assert.strictEqual(version.version_number, 1)
      })
    )

    it.effect("tries again after 5 s, 30 s and 2 min, and succeeds when the provider is well again", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        provider.behave([fails(500), resets, fails(503), says("at last")])
        const { execution_id } = yield* executions.submit(PROJECT, "full", request(name))
        for (const [calls, wait] of [
          [1, 5],
          [2, 30],
          [3, 120]
        ] as const) {
          yield* until(
            Effect.map(
              lineageOf(execution_id),
              ({ attempts }) => attempts[calls - 1]?.outcome === "retryable"
            )
          )
          yield* pass(wait - 1)
          assert.strictEqual(yield* callsOf, calls)
          yield* pass(1)
        }
        yield* untilStatus(execution_id, "succeeded")
        assert.strictEqual(yield* callsOf, 4)
        const { execution, attempts } = yield* lineageOf(execution_id)
        assert.include(execution, { response_text: "at last", attempts: 4, lost_attempts: 0 })
        assert.deepStrictEqual(
          attempts.map(({ outcome }) => outcome),
          ["retryable", "retryable", "retryable", "succeeded"]
        )
      })
    )

    it.effect("makes four attempts and no more", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        provider.behave(fails(500, "always"))
        const { execution_id } = yield* executions.submit(PROJECT, "full", request(name))
        for (let attempt = 1; attempt <= 4; attempt++) {
          yield* until(
            Effect.map(
              lineageOf(execution_id),
              ({ attempts }) => attempts[attempt - 1]?.outcome === "retryable"
            )
          )
          yield* pass(125)
        }
        yield* untilStatus(execution_id, "failed")
        assert.strictEqual(yield* callsOf, 4)
        assert.include((yield* lineageOf(execution_id)).execution, {
          error_type: "provider_server_error",
          error_message: "500 always",
          attempts: 4
        })
      })
    )

    it.effect("waits as long as the provider asks when that is longer", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        provider.behave([fails(429, "slow", { "retry-after": "20" }), says("ok")])
        const { execution_id } = yield* executions.submit(PROJECT, "full", request(name))
        yield* until(
          Effect.map(lineageOf(execution_id), ({ attempts }) => attempts[0]?.outcome === "retryable")
        )
        yield* pass(19)
        assert.strictEqual(yield* callsOf, 1)
        yield* pass(2)
        yield* untilStatus(execution_id, "succeeded")
      })
    )

    it.effect("fails at once when another attempt would not help", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        provider.behave(fails(422, "no"))
        const { execution_id } = yield* executions.submit(PROJECT, "full", request(name))
        yield* untilStatus(execution_id, "failed")
        yield* pass(10)
        assert.strictEqual(yield* callsOf, 1)
      })
    )

    it.effect("sends a prompt whole that was cut for storage", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt("{{ text }}")
        const text = "é".repeat(150_000)
        const { execution_id } = yield* executions.submit(
          PROJECT,
          "full",
          request(name, { variables: { text } })
        )
        yield* untilStatus(execution_id, "succeeded")
        assert.deepStrictEqual(provider.calls[0]!.body["messages"], [{ role: "user", content: text }])
        const { execution } = yield* lineageOf(execution_id)
        assert.include(execution, { truncated: true, error_type: "truncated" })
        assert.strictEqual(execution.rendered_prompt.bytes, 300_000)
        assert.strictEqual(Buffer.byteLength(execution.rendered_prompt.text!), 204_800)
      })
    )

    it.effect("renders it again in whatever time that takes: it was accepted", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt("{% for item in items %}{{ item }}, {% endfor %}")
        provider.behave([fails(500), says("Hi")])
        const variables = { items: Array.from({ length: 30_000 }, (_, index) => `item ${index}`) }
        const { execution_id } = yield* executions.submit(PROJECT, "full", request(name, { variables }))
        yield* until(
          Effect.map(lineageOf(execution_id), ({ attempts }) => attempts[0]?.outcome === "retryable")
        )
        let time = performance.now()
        vi.spyOn(performance, "now").mockImplementation(() => (time += 2_000))
        yield* Effect.addFinalizer(() => Effect.sync(vi.restoreAllMocks))
        yield* pass(5)
        yield* untilStatus(execution_id, "succeeded")
      })
    )

    it.effect("does not send a text that is not the one that was accepted", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { write } = yield* Database
        const { name } = yield* prompt("{{ text }}")
        const accepted = executions.submit(
          PROJECT,
          "full",
          request(name, { variables: { text: "x".repeat(300_000) } })
        )
        const { execution_id } = yield* Effect.tap(accepted, ({ execution_id: id }) =>
          Effect.orDie(
            write`UPDATE executions SET rendered_prompt_sha256 = 'other' WHERE execution_id = ${id}`
          )
        )
        yield* untilStatus(execution_id, "failed")
        assert.strictEqual(yield* callsOf, 0)
        const { execution } = yield* lineageOf(execution_id)
        assert.strictEqual(execution.error_type, "RenderingChanged")
      })
    )
  })

  describe("the sweeper", () => {
    it.effect("runs what was written and never enqueued", () =>
      Effect.gen(function* () {
        const prompts = yield* Prompts
        const store = yield* ExecutionStore
        const { name } = yield* prompt()
        const detail = yield* prompts.get(PROJECT, name)
        const forgotten = yield* newExecution({ prompt: detail.prompt, version: detail.active_version! })
        yield* store.insert(forgotten, Duration.seconds(30))
        yield* pass(12)
        yield* untilStatus(forgotten.execution_id, "succeeded")
      })
    )

    it.effect("runs an execution again whose worker is gone, within 15 s of the end of its lease", () =>
      Effect.gen(function* () {
        const prompts = yield* Prompts
        const store = yield* ExecutionStore
        const { name } = yield* prompt()
        const detail = yield* prompts.get(PROJECT, name)
        const lost = yield* newExecution({ prompt: detail.prompt, version: detail.active_version! })
        yield* store.insert(lost, Duration.seconds(30))
        yield* store.claim({ execution_id: lost.execution_id, epoch: 0 }, Duration.seconds(30))
        yield* pass(29)
        assert.strictEqual(yield* statusOf(lost.execution_id), "running")
        yield* pass(16)
        yield* untilStatus(lost.execution_id, "succeeded")
        const { attempts } = yield* lineageOf(lost.execution_id)
        assert.deepStrictEqual(
          attempts.map(({ outcome, error_type }) => [outcome, error_type]),
          [
            ["unknown", "worker_lost"],
            ["succeeded", null]
          ]
        )
      })
    )

    it.effect("fails a sync execution whose process is gone", () =>
      Effect.gen(function* () {
        const prompts = yield* Prompts
        const store = yield* ExecutionStore
        const { name } = yield* prompt()
        const detail = yield* prompts.get(PROJECT, name)
        const lost = yield* newExecution(
          { prompt: detail.prompt, version: detail.active_version! },
          { mode: "sync" }
        )
        yield* store.insert(lost, Duration.seconds(30))
        yield* pass(46)
        yield* untilStatus(lost.execution_id, "failed")
        assert.strictEqual((yield* lineageOf(lost.execution_id)).execution.error_type, "worker_lost")
      })
    )
  })

  describe("an attempt that was taken away", () => {
    it.effect("is told to the one who waits for a sync run", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const { execution_id, running } = yield* hangingRun
        // As another process's sweeper does when this process seems dead.
        yield* store.release({ execution_id, epoch: 1 })
        yield* pass(11)
        assert.deepInclude(yield* Effect.flip(Fiber.join(running)), {
          _tag: "ExecutionFailed",
          error_type: "worker_lost"
        })
      })
    )

    it.effect("writes nothing when its answer comes after all", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const store = yield* ExecutionStore
        const { name, provider } = yield* prompt()
        const { behaviour, answer } = onCue(says("too late"))
        provider.behave([behaviour, says("in time")])
        const { execution_id } = yield* executions.submit(PROJECT, "full", request(name))
        yield* until(Effect.map(callsOf, (calls) => calls === 1))
        yield* store.release({ execution_id, epoch: 1 })
        answer()
        yield* pass(16)
        yield* untilStatus(execution_id, "succeeded")
        const { execution, attempts } = yield* lineageOf(execution_id)
        assert.include(execution, { response_text: "in time", attempts: 1, lost_attempts: 1 })
        assert.deepStrictEqual(
          attempts.map(({ outcome }) => outcome),
          ["unknown", "succeeded"]
        )
      })
    )
  })

  describe("a lease", () => {
    it.effect("is kept for as long as a call takes", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        const { behaviour, answer } = onCue(says("slow"))
        provider.behave(behaviour)
        const { execution_id } = yield* executions.submit(PROJECT, "full", request(name))
        yield* until(Effect.map(callsOf, (calls) => calls === 1))
        yield* pass(55)
        answer()
        yield* untilStatus(execution_id, "succeeded")
        assert.strictEqual(yield* callsOf, 1)
        assert.strictEqual((yield* lineageOf(execution_id)).attempts.length, 1)
      })
    )
  })

  describe("idempotency", () => {
    /** A prompt of each mode, by the door that leads to it. */
    const bothDoors = Effect.gen(function* () {
      const { name } = yield* prompt()
      const tracked = newName()
      yield* register(tracked, "Hello {{ name }}")
      return [
        ["full", name],
        ["tracking", tracked]
      ] as const
    })

    it.effect("makes one row and one call of a key used many times at once, to run and to execute", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        for (const [door, prompt_name] of yield* bothDoors) {
          const provider = yield* Provider
          provider.forget()
          const asked = request(prompt_name, { idempotency_key: "same" })
          const answers = yield* Effect.all(
            Array.from({ length: 20 }, () => executions.run(PROJECT, door, asked)),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(new Set(answers.map(({ execution_id }) => execution_id)).size, 1)
          assert.lengthOf(
            answers.filter(({ replayed }) => !replayed),
            1
          )
          assert.strictEqual(yield* callsOf, 1)
        }
      })
    )

    it.effect(
      "makes one row and one call of a key used many times at once, to submit and to execute later",
      () =>
        Effect.gen(function* () {
          const executions = yield* Executions
          for (const [door, prompt_name] of yield* bothDoors) {
            const provider = yield* Provider
            provider.forget()
            const asked = request(prompt_name, { idempotency_key: "same" })
            const answers = yield* Effect.all(
              Array.from({ length: 20 }, () => executions.submit(PROJECT, door, asked)),
              { concurrency: "unbounded" }
            )
            const [{ execution_id }] = answers as [(typeof answers)[number]]
            assert.isTrue(answers.every((answer) => answer.execution_id === execution_id))
            yield* untilStatus(execution_id, "succeeded")
            assert.strictEqual(yield* callsOf, 1)
            const again = yield* executions.submit(PROJECT, door, asked)
            assert.deepInclude(again, { execution_id, status: "succeeded", replayed: true })
          }
        })
    )

    it.effect("gives back a failed execution as it is, and calls nobody", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        provider.behave(fails(400, "no"))
        const asked = request(name, { idempotency_key: "failed" })
        yield* Effect.flip(executions.run(PROJECT, "full", asked))
        const again = yield* executions.run(PROJECT, "full", asked)
        assert.deepInclude(again, { status: "failed", error_type: "provider_rejected", replayed: true })
        assert.strictEqual(yield* callsOf, 1)
      })
    )

    it.effect("refuses the key for anything else that is asked", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name } = yield* prompt()
        const asked = request(name, { idempotency_key: "key" })
        const { execution_id } = yield* executions.run(PROJECT, "full", asked)
        for (const other of [
          { variables: { name: "Bob" } },
          { environment: "prod" },
          { version_number: 1 },
          { params: { seed: 1 } },
          { correlation_id: "c" },
          { model: { provider: "echo", model_name: "echo" } as const }
        ]) {
          const error = yield* Effect.flip(executions.run(PROJECT, "full", { ...asked, ...other }))
          assert.deepInclude(error, { _tag: "IdempotencyKeyReused", idempotency_key: "key", execution_id })
        }
        const submitted = yield* Effect.flip(executions.submit(PROJECT, "full", asked))
        assert.strictEqual(submitted._tag, "IdempotencyKeyReused")
        assert.strictEqual(yield* callsOf, 1)
      })
    )

    it.effect("refuses the key for another request that came at the same instant", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name } = yield* prompt()
        const outcomes = yield* Effect.forEach(
          Array.from({ length: 10 }, (_, index) =>
            request(name, { idempotency_key: "race", variables: { name: `${index}` } })
          ),
          (asked) => Effect.result(executions.run(PROJECT, "full", asked)),
          { concurrency: "unbounded" }
        )
        const refused = outcomes.filter((outcome) => outcome._tag === "Failure")
        assert.lengthOf(refused, 9)
        assert.isTrue(refused.every(({ failure }) => failure._tag === "IdempotencyKeyReused"))
        assert.strictEqual(yield* callsOf, 1)
      })
    )

    it.effect("still answers when the prompt has moved on to other variables", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name } = yield* prompt()
        const asked = request(name, { idempotency_key: "moved" })
        const { execution_id } = yield* executions.run(PROJECT, "full", asked)
        yield* upsert(name, "{{ something_else }}")
        assert.deepInclude(yield* executions.run(PROJECT, "full", asked), { execution_id, replayed: true })
      })
    )

    it.effect("has the key free again when its execution is dropped, also just as it is looked up", () =>
      Effect.gen(function* () {
        const { run, submit } = yield* Executions
        const store = yield* ExecutionStore
        const { write } = yield* Database
        const { get } = store
        const drop = write`DELETE FROM executions`.pipe(Effect.orDie)
        yield* Effect.addFinalizer(() => Effect.sync(vi.restoreAllMocks))
        for (const ask of [run, submit]) {
          const { name } = yield* prompt()
          const asked = ask(PROJECT, "full", request(name, { idempotency_key: "dropped" }))
          const { execution_id } = yield* asked
          assert.deepInclude(yield* asked, { execution_id, replayed: true })
          vi.spyOn(store, "get").mockImplementationOnce((...of) => Effect.andThen(drop, get(...of)))
          const anew = yield* asked
          assert.isFalse(anew.replayed)
          assert.notStrictEqual(anew.execution_id, execution_id)
          yield* untilStatus(anew.execution_id, "succeeded")
          assert.strictEqual(yield* callsOf, 2)
        }
      })
    )

    it.effect("keeps the keys of two prompts apart", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const [one, two] = [yield* prompt(), yield* prompt()]
        const run = (name: string) =>
          executions.run(PROJECT, "full", request(name, { idempotency_key: "shared" }))
        const [first, second] = [yield* run(one.name), yield* run(two.name)]
        assert.notStrictEqual(first.execution_id, second.execution_id)
      })
    )
  })

  describe("cancel", () => {
    it.effect("ends a queued execution before anybody is called", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        provider.behave(fails(500))
        const { execution_id } = yield* executions.submit(PROJECT, "full", request(name))
        yield* until(
          Effect.map(lineageOf(execution_id), ({ attempts }) => attempts[0]?.outcome === "retryable")
        )
        const canceled = yield* executions.cancel(PROJECT, execution_id)
        assert.include(canceled, { status: "canceled", execution_id })
        yield* pass(10)
        assert.strictEqual(yield* callsOf, 1)
      })
    )

    it.effect("ends a running one: its worker hangs up at the next heartbeat", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        let hungUp = false
        provider.behave((_, response) => {
          response.once("close", () => {
            hungUp = true
          })
        })
        const { execution_id } = yield* executions.submit(PROJECT, "full", request(name))
        yield* until(Effect.map(callsOf, (calls) => calls === 1))
        yield* executions.cancel(PROJECT, execution_id)
        yield* pass(11)
        yield* until(Effect.sync(() => hungUp))
        assert.strictEqual(yield* statusOf(execution_id), "canceled")
      })
    )

    it.effect("ends a sync run for the one who waits for it", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { execution_id, running } = yield* hangingRun
        yield* executions.cancel(PROJECT, execution_id)
        yield* pass(11)
        assert.include(yield* Fiber.join(running), { status: "canceled", response_text: null })
      })
    )

    it.effect("refuses what has ended, and what is not there", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name } = yield* prompt()
        const { execution_id } = yield* executions.run(PROJECT, "full", request(name))
        const ended = yield* Effect.flip(executions.cancel(PROJECT, execution_id))
        assert.deepInclude(ended, { _tag: "ExecutionEnded", status: "succeeded" })
        for (const none of [
          executions.cancel(OTHER_PROJECT, execution_id),
          executions.get(PROJECT, ExecutionId.make(crypto.randomUUID()), NO_WAIT),
          executions.lineage(OTHER_PROJECT, execution_id)
        ]) {
          assert.strictEqual(
            (yield* Effect.flip(none as Effect.Effect<unknown, { _tag: string }>))._tag,
            "ExecutionNotFound"
          )
        }
      })
    )
  })

  describe("get", () => {
    it.effect("waits for the end of an execution, and not longer than it is told", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name, provider } = yield* prompt()
        const { behaviour, answer } = onCue(says("done"))
        provider.behave(behaviour)
        const { execution_id } = yield* executions.submit(PROJECT, "full", request(name))
        yield* until(Effect.map(callsOf, (calls) => calls === 1))
        const impatient = yield* Effect.forkChild(executions.get(PROJECT, execution_id, Duration.seconds(2)))
        yield* pass(3)
        assert.strictEqual((yield* Fiber.join(impatient)).status, "running")
        const patient = yield* Effect.forkChild(executions.get(PROJECT, execution_id, Duration.seconds(30)))
        answer()
        yield* untilStatus(execution_id, "succeeded")
        yield* pass(1)
        assert.include(yield* Fiber.join(patient), { status: "succeeded", response_text: "done" })
      })
    )
  })

  describe("list", () => {
    it.effect("goes on page by page to the end", () =>
      Effect.gen(function* () {
        const executions = yield* Executions
        const { name } = yield* prompt()
        const made: Array<string> = []
        for (let index = 0; index < 5; index++) {
          made.push((yield* executions.run(PROJECT, "full", request(name))).execution_id)
          yield* pass(1)
        }
        const filter = { prompt_name: name }
        const first = yield* executions.list(PROJECT, filter, { limit: 3 })
        const second = yield* executions.list(PROJECT, filter, { after: first.next!, limit: 3 })
        assert.isNull(second.next)
        assert.deepStrictEqual(
          [...first.items, ...second.items].map(({ execution_id }) => execution_id),
          made.toReversed()
        )
      })
    )
  })
})
