import { assert, describe } from "@effect/vitest"
import type { Vitest } from "@effect/vitest"
import { Duration, Effect, Exit, Option } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { attemptFailed, attemptNotMade, attemptSucceeded } from "../../src/domain/attempt.ts"
import { ExecutionId, VersionId } from "../../src/domain/Ids.ts"
import type { ProjectId } from "../../src/domain/Ids.ts"
import { makeProviderError } from "../../src/domain/providerError.ts"
import type { ExecutionFilter } from "../../src/domain/requests.ts"
import { truncate } from "../../src/domain/truncation.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import type { NewExecution } from "../../src/services/ExecutionStore.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import { RollupStore } from "../../src/services/RollupStore.ts"
import { DatabaseClock } from "../support/database.ts"
import { change, newExecution, newName, OTHER_PROJECT, PROJECT, revise } from "../support/ledger.ts"

const LEASE = Duration.seconds(30)
const LATENCY = Duration.millis(12)

const answered = attemptSucceeded(
  { text: "Hi Ada", prompt_tokens: 3, response_tokens: 4, provider_request_id: "req_1" },
  LATENCY
)
const failing = (attempts: number, mode: "sync" | "async" = "async") =>
  attemptFailed(
    { mode, attempts },
    makeProviderError({ reason: "server_error", detail: "boom", http_status: 500 }),
    LATENCY
  )

const inserted = Effect.fnUntraced(function* (more: Partial<NewExecution> = {}) {
  const store = yield* ExecutionStore
  const revision = yield* revise(change(newName(), "Hello {{ name }}"))
  const execution = yield* newExecution(revision, more)
  assert.deepStrictEqual(yield* store.insert(execution, LEASE), { _tag: "Inserted" })
  return execution
})

const claimed = Effect.fnUntraced(function* (execution_id: ExecutionId, epoch = 0) {
  const store = yield* ExecutionStore
  return Option.getOrThrow(yield* store.claim({ execution_id, epoch }, LEASE))
})

/** Leaves nothing that is due, so that what is made next is all there is to claim. */
const claimAll = ExecutionStore.use((store) =>
  Effect.repeat(store.claimDue(1_000, LEASE), { until: ({ length }) => length === 0 })
)

const saidBy = ({ reason }: SqlError) => String(reason.cause)

const read = (execution_id: ExecutionId) =>
  ExecutionStore.use((store) => Effect.map(store.lineage(PROJECT, execution_id), Option.getOrThrow))

export const executionStoreContract = (
  it: Vitest.MethodsNonLive<ExecutionStore | PromptStore | RollupStore | Database | DatabaseClock>
) =>
  describe("ExecutionStore", () => {
    it.effect("makes a model known once, whoever asks first", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const ref = { provider: "openai", model_name: newName("model") } as const
        const models = yield* Effect.all(
          Array.from({ length: 8 }, () => store.model(ref)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(models.map(({ model_id }) => model_id)).size, 1)
        assert.include(models[0], { ...ref, supports_streaming: true })
        const names = (project_id: ProjectId) =>
          Effect.map(store.models(project_id, { limit: 1_000 }), (known) =>
            known.map(({ model_name }) => model_name)
          )
        assert.include(yield* names(PROJECT), "gpt-4o")
        assert.notInclude(yield* names(PROJECT), ref.model_name)
        yield* inserted({ model_id: models[0]!.model_id })
        assert.include(yield* names(PROJECT), ref.model_name)
        assert.notInclude(yield* names(OTHER_PROJECT), ref.model_name)
      })
    )

    it.effect("writes an async execution as queued, with its inputs and no attempt", () =>
      Effect.gen(function* () {
        const variables = { name: "Ada", list: [1, { a: null }], text: 'é 🙂 "q"' }
        const { execution_id } = yield* inserted({
          variables,
          environment: "prod",
          correlation_id: "c-1",
          params: { temperature: 0.5, stop: ["\n"] }
        })
        const { execution, attempts, variables: kept, version, prompt, model } = yield* read(execution_id)
        assert.include(execution, {
          execution_id,
          status: "queued",
          mode: "async",
          environment: "prod",
          correlation_id: "c-1",
          attempts: 0,
          response_text: null,
          truncated: false,
          error_type: null
        })
        assert.deepStrictEqual(execution.params, { temperature: 0.5, stop: ["\n"] })
        assert.deepStrictEqual(execution.rendered_prompt, {
          text: "Hello Ada",
          bytes: 9,
          sha256: truncate("Hello Ada", 100).sha256
        })
        assert.isNotNull(execution.next_attempt_at)
        assert.deepStrictEqual(attempts, [])
        assert.deepStrictEqual(kept, variables)
        assert.strictEqual(version.template_source, "Hello {{ name }}")
        assert.strictEqual(prompt.prompt_id, execution.prompt_id)
        assert.strictEqual(model.model_name, "echo")
      })
    )

    it.effect("writes a sync execution as running its first attempt", () =>
      Effect.gen(function* () {
        const { execution_id } = yield* inserted({ mode: "sync" })
        const { execution, attempts } = yield* read(execution_id)
        assert.include(execution, { status: "running", mode: "sync", attempts: 1 })
        assert.isNotNull(execution.started_at)
        assert.lengthOf(attempts, 1)
        assert.include(attempts[0], { attempt_number: 1, outcome: null, completed_at: null })
      })
    )

    it.effect("marks a prompt that was cut", () =>
      Effect.gen(function* () {
        const { execution_id } = yield* inserted({ rendered_prompt: truncate("éééé", 5) })
        const { execution } = yield* read(execution_id)
        assert.include(execution, { truncated: true, error_type: "truncated", status: "queued" })
        assert.deepInclude(execution.rendered_prompt, { text: "éé", bytes: 8 })
      })
    )

    it.effect("gives one row to an idempotency key, whoever inserts first", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const revision = yield* revise(change(newName(), "x"))
        const idempotency = { key: "key", fingerprint: "print" }
        const tries = yield* Effect.all(
          Array.from({ length: 10 }, () => newExecution(revision, { idempotency })),
          { concurrency: "unbounded" }
        )
        const outcomes = yield* Effect.forEach(tries, (execution) => store.insert(execution, LEASE), {
          concurrency: "unbounded"
        })
        const winner = tries[outcomes.findIndex(({ _tag }) => _tag === "Inserted")]!
        for (const [index, outcome] of outcomes.entries()) {
          if (tries[index] === winner) continue
          assert.deepStrictEqual(outcome, {
            _tag: "Taken",
            execution_id: winner.execution_id,
            request_fingerprint: "print"
          })
        }
        const keyed = yield* store.keyed(PROJECT, revision.prompt.name, "key")
        assert.strictEqual(Option.getOrThrow(keyed).execution_id, winner.execution_id)
        assert.isTrue(Option.isNone(yield* store.keyed(PROJECT, revision.prompt.name, "other")))
        assert.isTrue(Option.isNone(yield* store.keyed(OTHER_PROJECT, revision.prompt.name, "key")))
      })
    )

    it.effect("writes nothing when the version had to be the active one and is not", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const name = newName()
        const first = yield* revise(change(name, "first"))
        const active_only = true
        const before = yield* newExecution(first, { active_only })
        assert.strictEqual((yield* store.insert(before, LEASE))._tag, "Inserted")
        const second = yield* revise(change(name, "second"))
        const idempotency = { key: "key", fingerprint: "print" }
        const late = yield* newExecution(first, { active_only, idempotency })
        assert.strictEqual((yield* store.insert(late, LEASE))._tag, "Superseded")
        assert.isTrue(Option.isNone(yield* store.get(PROJECT, late.execution_id)))
        const again = yield* newExecution(second, { active_only, idempotency })
        assert.strictEqual((yield* store.insert(again, LEASE))._tag, "Inserted")
        assert.strictEqual((yield* store.insert(late, LEASE))._tag, "Taken")
      })
    )

    it.effect("writes what comes at once together, and one that can't be written fails alone", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const revision = yield* revise(change(newName(), "x"))
        const many = yield* Effect.all(Array.from({ length: 300 }, () => newExecution(revision)))
        const bad = { ...many[200]!, version_id: VersionId.make(crypto.randomUUID()) }
        const exits = yield* Effect.forEach(
          many.with(200, bad),
          (execution) => Effect.exit(store.insert(execution, LEASE)),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(
          exits.flatMap((exit, index) => (Exit.isSuccess(exit) ? [] : [index])),
          [200]
        )
        const claims = yield* Effect.forEach(
          many,
          ({ execution_id }) => store.claim({ execution_id, epoch: 0 }, LEASE),
          { concurrency: "unbounded" }
        )
        const taken = claims.flatMap((claim) => (Option.isSome(claim) ? [claim.value] : []))
        assert.lengthOf(taken, 299)
        const ends = yield* Effect.forEach(
          taken,
          ({ execution_id, epoch }, index) =>
            store.finish({ execution_id, epoch }, index % 3 === 0 ? failing(1) : answered),
          { concurrency: "unbounded" }
        )
        for (const [index, end] of ends.entries()) {
          const { execution_id, status } = Option.getOrThrow(end)
          assert.strictEqual(execution_id, taken[index]!.execution_id)
          assert.strictEqual(status, index % 3 === 0 ? "queued" : "succeeded")
        }
      })
    )

    it.effect("claims an execution for one worker, with the attempt written before any call", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const { execution_id } = yield* inserted({ params: { seed: 1 } })
        const claims = yield* Effect.all(
          Array.from({ length: 8 }, () => store.claim({ execution_id, epoch: 0 }, LEASE)),
          { concurrency: "unbounded" }
        )
        const won = claims.filter(Option.isSome)
        assert.lengthOf(won, 1)
        assert.deepInclude(won[0]!.value, {
          execution_id,
          mode: "async",
          epoch: 1,
          attempts: 1,
          source: undefined,
          model: { provider: "echo", model_name: "echo" },
          params: { seed: 1 }
        })
        const { execution, attempts } = yield* read(execution_id)
        assert.strictEqual(execution.status, "running")
        assert.lengthOf(attempts, 1)
      })
    )

    it.effect("lets no claim through of a stale epoch, before it is due, or of what is not there", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const clock = yield* DatabaseClock
        const { execution_id } = yield* inserted()
        assert.isTrue(Option.isNone(yield* store.claim({ execution_id, epoch: 1 }, LEASE)))
        const { epoch } = yield* claimed(execution_id)
        assert.isTrue(Option.isSome(yield* store.finish({ execution_id, epoch }, failing(1))))
        assert.isTrue(Option.isNone(yield* store.claim({ execution_id, epoch: 0 }, LEASE)))
        assert.isTrue(Option.isNone(yield* store.claim({ execution_id, epoch: 1 }, LEASE)))
        yield* clock.advance("5 seconds")
        assert.strictEqual((yield* claimed(execution_id, 1)).epoch, 2)
        const unknown = ExecutionId.make(crypto.randomUUID())
        assert.isTrue(Option.isNone(yield* store.claim({ execution_id: unknown, epoch: 0 }, LEASE)))
      })
    )

    it.effect("claims what is due, the longest first and no more than asked, with the attempts written", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const clock = yield* DatabaseClock
        yield* claimAll
        const made: Array<NewExecution> = []
        for (const more of [{ params: { seed: 1 } }, { rendered_prompt: truncate("Hello Ada", 5) }, {}]) {
          made.push(yield* inserted(more))
          yield* clock.advance("10 millis")
        }
        const claims = [yield* store.claimDue(2, LEASE), yield* store.claimDue(2, LEASE)] as const
        assert.deepStrictEqual(yield* store.claimDue(2, LEASE), [])
        assert.sameMembers(
          claims[0].map(({ execution_id }) => execution_id),
          made.slice(0, 2).map(({ execution_id }) => execution_id)
        )
        assert.lengthOf(claims[1], 1)
        const [whole, cut, last] = made.map(({ execution_id }) =>
          claims.flat().find((claim) => claim.execution_id === execution_id)
        )
        assert.deepInclude(whole, {
          mode: "async",
          epoch: 1,
          attempts: 1,
          source: undefined,
          model: { provider: "echo", model_name: "echo" },
          params: { seed: 1 }
        })
        assert.deepInclude(cut!.source, { template_source: "Hello {{ name }}", variables: { name: "Ada" } })
        const { execution, attempts } = yield* read(last!.execution_id)
        assert.include(execution, { status: "running", attempts: 1 })
        assert.deepInclude(attempts[0], { attempt_number: 1, outcome: null })
        const lease = { execution_id: last!.execution_id, epoch: last!.epoch }
        assert.deepStrictEqual(yield* store.renew([lease], LEASE), [lease])
        assert.isTrue(Option.isSome(yield* store.finish(lease, answered)))
      })
    )

    it.effect(
      "leaves what is not due yet, is under way or has ended to itself, when it claims what is due",
      () =>
        Effect.gen(function* () {
          const store = yield* ExecutionStore
          const clock = yield* DatabaseClock
          const [retried, running, canceled] = [yield* inserted(), yield* inserted(), yield* inserted()]
          yield* claimed(running.execution_id)
          yield* store.cancel(PROJECT, canceled.execution_id)
          const { epoch } = yield* claimed(retried.execution_id)
          yield* store.finish({ execution_id: retried.execution_id, epoch }, failing(1))
          const ids = new Set([retried, running, canceled].map(({ execution_id }) => execution_id))
          const ours = Effect.map(store.claimDue(1_000, LEASE), (claims) =>
            claims.filter(({ execution_id }) => ids.has(execution_id))
          )
          assert.deepStrictEqual(yield* ours, [])
          yield* clock.advance("4900 millis")
          assert.deepStrictEqual(yield* ours, [])
          yield* clock.advance("100 millis")
          const again = yield* ours
          assert.lengthOf(again, 1)
          assert.include(again[0], { execution_id: retried.execution_id, epoch: 2, attempts: 2 })
        })
    )

    it.effect("gives an execution to one claimer, whichever way they claim at the same time", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        yield* claimAll
        const revision = yield* revise(change(newName(), "x"))
        const made = yield* Effect.all(Array.from({ length: 60 }, () => newExecution(revision)))
        yield* Effect.forEach(made, (execution) => store.insert(execution, LEASE), {
          concurrency: "unbounded"
        })
        const won: Array<ExecutionId> = []
        const claimDue = store.claimDue(7, LEASE).pipe(
          Effect.tap((claims) =>
            Effect.sync(() => won.push(...claims.map(({ execution_id }) => execution_id)))
          ),
          Effect.repeat({ until: ({ length }) => length === 0 })
        )
        const claimEach = Effect.forEach(
          made.slice(20, 40),
          ({ execution_id }) =>
            Effect.map(store.claim({ execution_id, epoch: 0 }, LEASE), (claim) => {
              if (Option.isSome(claim)) won.push(execution_id)
            }),
          { concurrency: "unbounded" }
        )
        yield* Effect.all([claimDue, claimDue, claimEach, claimDue, claimDue], { concurrency: "unbounded" })
        assert.lengthOf(won, 60)
        assert.sameMembers(
          won,
          made.map(({ execution_id }) => execution_id)
        )
        const { execution, attempts } = yield* read(won[59]!)
        assert.include(execution, { status: "running", attempts: 1 })
        assert.lengthOf(attempts, 1)
      })
    )

    it.effect("ends an execution with its answer, and its attempt with it", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const { execution_id } = yield* inserted()
        const { epoch } = yield* claimed(execution_id)
        const ended = Option.getOrThrow(yield* store.finish({ execution_id, epoch }, answered))
        assert.include(ended, { execution_id, status: "succeeded", attempts: 1, error_type: null })
        const { execution, attempts } = yield* read(execution_id)
        assert.deepStrictEqual(execution.response, {
          text: "Hi Ada",
          bytes: 6,
          sha256: truncate("Hi Ada", 99).sha256
        })
        assert.deepInclude(execution.telemetry, {
          prompt_tokens: 3,
          response_tokens: 4,
          latency_ms: 12,
          provider_request_id: "req_1"
        })
        assert.isNotNull(execution.completed_at)
        assert.include(attempts[0], { outcome: "succeeded", latency_ms: 12, response_tokens: 4 })
        assert.deepStrictEqual(
          yield* store.get(PROJECT, execution_id),
          Option.some({ ...ended, response_text: "Hi Ada" })
        )
      })
    )

    it.effect("says that an answer was cut, or that characters of it were replaced", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const cut = { ...answered, response: truncate("abc", 2), replaced: false, _tag: "Succeeded" as const }
        const replaced = attemptSucceeded(
          { text: "a\0b", prompt_tokens: null, response_tokens: null, provider_request_id: null },
          LATENCY
        )
        for (const [end, error_type, text] of [
          [cut, "truncated", "ab"],
          [replaced, "replaced", "a\uFFFDb"]
        ] as const) {
          const { execution_id } = yield* inserted()
          const { epoch } = yield* claimed(execution_id)
          yield* store.finish({ execution_id, epoch }, end)
          const { execution } = yield* read(execution_id)
          assert.include(execution, { status: "succeeded", error_type, response_text: text })
          assert.strictEqual(execution.truncated, error_type === "truncated")
        }
      })
    )

    it.effect(
      "queues an execution again after a failure that another attempt follows, and fails it after the last",
      () =>
        Effect.gen(function* () {
          const store = yield* ExecutionStore
          const clock = yield* DatabaseClock
          const { execution_id } = yield* inserted()
          for (let attempt = 1; attempt <= 4; attempt++) {
            const { epoch, attempts } = yield* claimed(execution_id, attempt - 1)
            assert.strictEqual(attempts, attempt)
            const ended = Option.getOrThrow(yield* store.finish({ execution_id, epoch }, failing(attempts)))
            assert.strictEqual(ended.status, attempt < 4 ? "queued" : "failed")
            yield* clock.advance("10 minutes")
          }
          const { execution, attempts } = yield* read(execution_id)
          assert.include(execution, {
            status: "failed",
            attempts: 4,
            error_type: "provider_server_error",
            error_message: "boom",
            next_attempt_at: null
          })
          assert.deepStrictEqual(
            attempts.map(({ attempt_number, outcome, http_status }) => [
              attempt_number,
              outcome,
              http_status
            ]),
            [1, 2, 3, 4].map((number) => [number, "retryable" as const, 500])
          )
        })
    )

    it.effect("refuses every write of a lease that is no longer held", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const clock = yield* DatabaseClock
        const { execution_id } = yield* inserted()
        const zombie = { execution_id, epoch: (yield* claimed(execution_id)).epoch }
        yield* clock.advance("31 seconds")
        const recovered = yield* store.recover(1_000)
        assert.include(
          recovered.find((lost) => lost.execution_id === execution_id),
          { epoch: 1, status: "queued", attempts: 0, lost_attempts: 1 }
        )
        assert.isTrue(Option.isNone(yield* store.finish(zombie, answered)))
        const winner = { execution_id, epoch: (yield* claimed(execution_id, 1)).epoch }
        assert.isTrue(Option.isNone(yield* store.finish(zombie, answered)))
        assert.isTrue(Option.isNone(yield* store.release(zombie)))
        assert.deepStrictEqual(yield* store.renew([zombie, winner], LEASE), [winner])
        assert.isTrue(Option.isSome(yield* store.finish(winner, answered)))
        assert.isTrue(Option.isNone(yield* store.finish(winner, failing(2))))
        const { execution, attempts } = yield* read(execution_id)
        assert.include(execution, { status: "succeeded", attempts: 1, lost_attempts: 1 })
        assert.deepStrictEqual(
          attempts.map(({ outcome }) => outcome),
          ["unknown", "succeeded"]
        )
      })
    )

    it.effect("keeps a lease that is renewed, and takes back one that is not", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const clock = yield* DatabaseClock
        const [kept, lost] = [yield* inserted(), yield* inserted()]
        const leases = yield* Effect.forEach([kept, lost], ({ execution_id }) =>
          Effect.map(claimed(execution_id), ({ epoch }) => ({ execution_id, epoch }))
        )
        yield* clock.advance("20 seconds")
        assert.deepStrictEqual(yield* store.renew([leases[0]!], LEASE), [leases[0]!])
        yield* clock.advance("20 seconds")
        const recovered = (yield* store.recover(1_000)).map(({ execution_id }) => execution_id)
        assert.include(recovered, lost.execution_id)
        assert.notInclude(recovered, kept.execution_id)
      })
    )

    it.effect("fails an execution whose third worker is lost, and a sync one at the first", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const clock = yield* DatabaseClock
        const { execution_id } = yield* inserted()
        for (let epoch = 0; epoch < 3; epoch++) {
          yield* claimed(execution_id, epoch)
          yield* clock.advance("31 seconds")
          yield* store.recover(1_000)
        }
        const { execution, attempts } = yield* read(execution_id)
        assert.include(execution, {
          status: "failed",
          error_type: "worker_lost",
          attempts: 0,
          lost_attempts: 3
        })
        assert.deepStrictEqual(
          attempts.map(({ outcome }) => outcome),
          ["unknown", "unknown", "unknown"]
        )

        const sync = yield* inserted({ mode: "sync" })
        yield* clock.advance("31 seconds")
        assert.include(
          (yield* store.recover(1_000)).find((lost) => lost.execution_id === sync.execution_id),
          { epoch: 1, status: "failed", error_type: "worker_lost" }
        )
      })
    )

    it.effect("gives an attempt back without counting it", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const { execution_id } = yield* inserted()
        const { epoch } = yield* claimed(execution_id)
        const released = yield* store.release({ execution_id, epoch })
        assert.include(Option.getOrThrow(released), { execution_id, status: "queued" })
        const { execution } = yield* read(execution_id)
        assert.include(execution, { status: "queued", attempts: 0, lost_attempts: 1 })
        assert.strictEqual((yield* claimed(execution_id, 1)).epoch, 2)
      })
    )

    it.effect("finds what is due and was left for longer than the grace, oldest first", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const clock = yield* DatabaseClock
        const first = yield* inserted()
        yield* clock.advance("1 second")
        const second = yield* inserted()
        const idsOf = Effect.map(store.due(Duration.seconds(5), 10_000), (due) =>
          due
            .map(({ execution_id }) => execution_id)
            .filter((id) => [first, second].some((e) => e.execution_id === id))
        )
        assert.deepStrictEqual(yield* idsOf, [])
        yield* clock.advance("4500 millis")
        assert.deepStrictEqual(yield* idsOf, [first.execution_id])
        yield* clock.advance("5 seconds")
        assert.deepStrictEqual(yield* idsOf, [first.execution_id, second.execution_id])
        assert.lengthOf(yield* store.due(Duration.seconds(5), 1), 1)
      })
    )

    it.effect("tells how much is queued, and for how long the oldest has been", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const clock = yield* DatabaseClock
        const before = yield* store.backlog
        const { execution_id } = yield* inserted()
        yield* inserted({ mode: "sync" })
        yield* clock.advance("1 hour")
        const { queued, oldest } = yield* store.backlog
        assert.strictEqual(queued, before.queued + 1)
        assert.isAtLeast(Duration.toSeconds(oldest), 3_600)
        yield* store.cancel(PROJECT, execution_id)
        assert.strictEqual((yield* store.backlog).queued, before.queued)
      })
    )

    it.effect("tells how many have ended and are in no rollup yet", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        yield* RollupStore.use(({ fold }) => fold(10_000))
        assert.strictEqual((yield* store.backlog).unfolded, 0)
        const { execution_id } = yield* inserted()
        assert.strictEqual((yield* store.backlog).unfolded, 0)
        yield* store.cancel(PROJECT, execution_id)
        assert.strictEqual((yield* store.backlog).unfolded, 1)
        yield* RollupStore.use(({ fold }) => fold(10_000))
        assert.strictEqual((yield* store.backlog).unfolded, 0)
      })
    )

    it.effect("cancels what has not ended, and only that", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const { execution_id } = yield* inserted()
        assert.isTrue(Option.isNone(yield* store.cancel(OTHER_PROJECT, execution_id)))
        assert.deepStrictEqual(
          yield* store.cancel(PROJECT, execution_id),
          Option.some({ canceled: true, status: "queued" as const })
        )
        assert.deepStrictEqual(
          yield* store.cancel(PROJECT, execution_id),
          Option.some({ canceled: false, status: "canceled" as const })
        )
        assert.isTrue(Option.isNone(yield* store.claim({ execution_id, epoch: 0 }, LEASE)))

        const running = yield* inserted()
        const { epoch } = yield* claimed(running.execution_id)
        yield* store.cancel(PROJECT, running.execution_id)
        const lease = { execution_id: running.execution_id, epoch }
        assert.deepStrictEqual(yield* store.renew([lease], LEASE), [])
        assert.isTrue(Option.isNone(yield* store.finish(lease, answered)))
        const { execution, attempts } = yield* read(running.execution_id)
        assert.include(execution, { status: "canceled", response_text: null })
        assert.strictEqual(attempts[0]!.outcome, "canceled")
      })
    )

    it.effect("never changes an execution that has ended, nor lets an epoch fall", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const { write } = yield* Database
        const { execution_id } = yield* inserted()
        yield* claimed(execution_id)
        const fallen =
          yield* write`UPDATE executions SET epoch = 0 WHERE execution_id = ${execution_id}`.pipe(Effect.flip)
        assert.include(saidBy(fallen), "never falls")
        yield* store.cancel(PROJECT, execution_id)
        const revived = yield* write`
          UPDATE executions SET response_text = 'x' WHERE execution_id = ${execution_id}`.pipe(Effect.flip)
        assert.include(saidBy(revived), "never changes")
      })
    )

    it.effect("shows an execution to its own project only", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const { execution_id } = yield* inserted()
        assert.deepStrictEqual(yield* store.status(PROJECT, execution_id), Option.some("queued"))
        for (const none of [
          store.status(OTHER_PROJECT, execution_id),
          store.get(OTHER_PROJECT, execution_id),
          store.lineage(OTHER_PROJECT, execution_id)
        ]) {
          assert.isTrue(Option.isNone<unknown>(yield* none))
        }
        const listed = yield* store.list(OTHER_PROJECT, {}, { limit: 100 })
        assert.deepStrictEqual(listed, [])
      })
    )

    it.effect("lists executions newest first, by every filter, page by page", () =>
      Effect.gen(function* () {
        const store = yield* ExecutionStore
        const clock = yield* DatabaseClock
        const name = newName()
        const one = yield* revise(change(name, "one"))
        const two = yield* revise(change(name, "two"))
        const environment = newName("env").slice(0, 40)
        const correlation_id = newName("corr")
        const made: Array<NewExecution> = []
        for (const [revision, more] of [
          [one, {}],
          [one, { environment }],
          [two, { correlation_id }],
          [two, { mode: "sync" }],
          [two, {}]
        ] as const) {
          const execution = yield* newExecution(revision, more)
          yield* store.insert(execution, LEASE)
          made.push(execution)
          yield* clock.advance("1 second")
        }
        const list = (filter: Partial<ExecutionFilter>) =>
          Effect.map(store.list(PROJECT, { prompt_name: name, ...filter }, { limit: 100 }), (rows) =>
            rows.map(({ execution_id }) =>
              made.findIndex((execution) => execution.execution_id === execution_id)
            )
          )
        assert.deepStrictEqual(yield* list({}), [4, 3, 2, 1, 0])
        assert.deepStrictEqual(yield* list({ version_number: 1 }), [1, 0])
        assert.deepStrictEqual(yield* list({ environment }), [1])
        assert.deepStrictEqual(yield* list({ correlation_id }), [2])
        assert.deepStrictEqual(yield* list({ status: "running" }), [3])
        yield* store.finish(
          { execution_id: made[3]!.execution_id, epoch: 1 },
          attemptNotMade("worker_lost", "x")
        )
        yield* store.cancel(PROJECT, made[0]!.execution_id)
        assert.deepStrictEqual(yield* list({ status: "failed" }), [3])
        assert.deepStrictEqual(yield* list({ status: "failed", version_number: 2 }), [3])
        assert.deepStrictEqual(yield* list({ status: "failed", version_number: 1 }), [])
        assert.deepStrictEqual(yield* list({ status: "canceled", version_number: 1 }), [0])
        assert.deepStrictEqual(yield* list({ prompt_name: newName() }), [])
        const third = Option.getOrThrow(yield* store.get(PROJECT, made[2]!.execution_id))
        assert.deepStrictEqual(yield* list({ from: third.created_at }), [4, 3, 2])
        assert.deepStrictEqual(yield* list({ to: third.created_at }), [1, 0])

        const seen: Array<string> = []
        let after: { created_at: Date; execution_id: ExecutionId } | undefined
        for (;;) {
          const page = yield* store.list(PROJECT, { prompt_name: name }, { after, limit: 2 })
          if (page.length === 0) break
          seen.push(...page.map(({ execution_id }) => execution_id))
          after = page.at(-1)!
        }
        assert.deepStrictEqual(seen, made.map(({ execution_id }) => execution_id).toReversed())
      })
    )
  })
