import { assert, describe } from "@effect/vitest"
import type { Vitest } from "@effect/vitest"
import { Duration, Effect, Option, Schema } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { attemptFailed, attemptSucceeded } from "../../src/domain/attempt.ts"
import type { ExecutionId } from "../../src/domain/Ids.ts"
import { makeProviderError } from "../../src/domain/providerError.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { AnalyticsStore } from "../../src/services/AnalyticsStore.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import type { NewExecution } from "../../src/services/ExecutionStore.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import { RetentionStore } from "../../src/services/RetentionStore.ts"
import { RollupStore } from "../../src/services/RollupStore.ts"
import { DatabaseClock } from "../support/database.ts"
import { factsOf, figuresOf, storedRollups } from "../support/figures.ts"
import type { ExecutionFact } from "../support/figures.ts"
import { change, newExecution, newName, PROJECT, revise } from "../support/ledger.ts"
import { below, carryOut, foldAll, Step, versionsOfTwo } from "./rollups.ts"

const LEASE = Duration.minutes(1)
const AGE = Duration.hours(1)

const answered = attemptSucceeded(
  { text: "Hi Ada", prompt_tokens: 3, response_tokens: 4, provider_request_id: "req_1" },
  Duration.millis(12)
)
const rejected = attemptFailed(
  { mode: "sync", attempts: 1 },
  makeProviderError({ reason: "rejected", detail: "Ada is not welcome", http_status: 400 }),
  Duration.millis(12)
)

const begun = Effect.fnUntraced(function* (more: Partial<NewExecution> = {}) {
  const execution = yield* newExecution(yield* revise(change(newName(), "Hello {{ name }}")), {
    mode: "sync",
    ...more
  })
  yield* ExecutionStore.use((store) => store.insert(execution, LEASE))
  return execution.execution_id
})

const ended = Effect.fnUntraced(function* (end = answered, more: Partial<NewExecution> = {}) {
  const execution_id = yield* begun(more)
  yield* ExecutionStore.use((store) => store.finish({ execution_id, epoch: 1 }, end))
  return execution_id
})

const read = (execution_id: ExecutionId) =>
  ExecutionStore.use((store) => store.lineage(PROJECT, execution_id))
const lineage = (execution_id: ExecutionId) => Effect.map(read(execution_id), Option.getOrThrow)

/** Drops until nothing is left, also of what other tests left. */
const dropAll = (drop: "dropBodies" | "dropExecutions", age = AGE) =>
  Effect.gen(function* () {
    const store = yield* RetentionStore
    while (Option.getOrThrow(yield* store[drop](age, 100)) > 0);
  })

const pass = DatabaseClock.use(({ advance }) => advance("61 minutes"))
const saidBy = ({ reason }: SqlError) => String(reason.cause)

const Drop = Schema.Struct({
  kind: Schema.Literal("Drop"),
  drop: Schema.Literals(["dropBodies", "dropExecutions"]),
  hours: below(40)
})
const Steps = Schema.Array(Schema.Union([Step, Drop])).check(Schema.isMaxLength(30))

export const retentionContract = (
  it: Vitest.MethodsNonLive<
    AnalyticsStore | ExecutionStore | PromptStore | RetentionStore | RollupStore | Database | DatabaseClock
  >
) =>
  describe("RetentionStore", () => {
    it.effect(
      "drops the bodies of what ended long enough ago, and keeps what proves where they came from",
      () =>
        Effect.gen(function* () {
          const executions = yield* ExecutionStore
          const idempotency = { key: "key", fingerprint: "print" }
          const correlation_id = newName("corr")
          const old = yield* ended(answered, { idempotency, correlation_id, params: { seed: 4 } })
          const failed = yield* ended(rejected)
          const before = { old: yield* lineage(old), failed: yield* lineage(failed) }
          yield* pass
          const young = yield* ended()
          yield* dropAll("dropBodies")

          const after = { old: yield* lineage(old), failed: yield* lineage(failed) }
          const { bodies_dropped_at } = after.old.execution
          assert.isAbove(bodies_dropped_at!.getTime(), before.old.execution.completed_at!.getTime())
          assert.deepStrictEqual(after.old, {
            ...before.old,
            variables: null,
            execution: {
              ...before.old.execution,
              bodies_dropped_at,
              response_text: null,
              rendered_prompt: { ...before.old.execution.rendered_prompt, text: null },
              response: { ...before.old.execution.response!, text: null }
            }
          })
          assert.include(before.failed.execution.error_message, "not welcome")
          assert.include(after.failed.execution, {
            status: "failed",
            error_type: "provider_rejected",
            error_message: null
          })
          assert.isNull(after.failed.execution.response)
          assert.deepStrictEqual(
            after.failed.attempts,
            before.failed.attempts.map((attempt) => ({ ...attempt, error_message: null }))
          )
          const got = Option.getOrThrow(yield* executions.get(PROJECT, old))
          assert.deepInclude(got, { status: "succeeded", response_text: null, bodies_dropped_at })
          const [listed] = yield* executions.list(PROJECT, { correlation_id }, { limit: 9 })
          assert.deepInclude(listed, { execution_id: old, bodies_dropped_at, idempotency_key: "key" })

          const kept = yield* lineage(young)
          assert.include(kept.execution, { response_text: "Hi Ada", bodies_dropped_at: null })
          assert.deepStrictEqual(kept.variables, { name: "Ada" })
        })
    )

    it.effect("never touches an execution that has not ended", () =>
      Effect.gen(function* () {
        const running = yield* begun()
        const queued = yield* begun({ mode: "async" })
        yield* pass
        yield* foldAll
        yield* dropAll("dropBodies")
        yield* dropAll("dropExecutions")
        assert.strictEqual((yield* lineage(running)).execution.rendered_prompt.text, "Hello Ada")
        assert.strictEqual((yield* lineage(queued)).execution.rendered_prompt.text, "Hello Ada")
        yield* ExecutionStore.use((store) => store.finish({ execution_id: running, epoch: 1 }, answered))
        yield* dropAll("dropBodies")
        assert.strictEqual((yield* lineage(running)).execution.response_text, "Hi Ada")
      })
    )

    it.effect("drops no more at a time than it is told, oldest first", () =>
      Effect.gen(function* () {
        const store = yield* RetentionStore
        yield* pass
        yield* foldAll
        for (const drop of ["dropBodies", "dropExecutions"] as const) yield* dropAll(drop)
        const ids: Array<ExecutionId> = []
        for (let count = 0; count < 3; count++) {
          ids.push(yield* ended())
          yield* DatabaseClock.use(({ advance }) => advance("1 second"))
        }
        yield* foldAll
        yield* pass
        const counted = (bodies?: Duration.Duration, executions?: Duration.Duration) =>
          store.count({ bodies, executions })
        assert.deepStrictEqual(yield* counted(AGE), { bodies: 3, executions: 0 })
        assert.deepStrictEqual(yield* counted(AGE, Duration.hours(2)), { bodies: 3, executions: 0 })
        assert.deepStrictEqual(yield* counted(AGE, AGE), { bodies: 0, executions: 3 })

        assert.deepStrictEqual(yield* store.dropBodies(AGE, 2), Option.some(2))
        const bare = yield* Effect.forEach(ids, lineage)
        assert.deepStrictEqual(
          bare.map(({ variables }) => variables === null),
          [true, true, false]
        )
        assert.deepStrictEqual(yield* counted(AGE), { bodies: 1, executions: 0 })
        assert.deepStrictEqual(yield* counted(undefined, AGE), { bodies: 0, executions: 3 })
        assert.deepStrictEqual(yield* store.dropExecutions(AGE, 1), Option.some(1))
        assert.deepStrictEqual((yield* Effect.forEach(ids, read)).map(Option.isSome), [false, true, true])
        assert.deepStrictEqual(yield* store.dropExecutions(AGE, 9), Option.some(2))
        assert.deepStrictEqual(yield* store.dropExecutions(AGE, 9), Option.some(0))
      })
    )

    it.effect("drops an execution with all that hangs on it, once it is folded", () =>
      Effect.gen(function* () {
        const { write: sql } = yield* Database
        const execution_id = yield* ended()
        const rowsOf = (table: string) =>
          Effect.map(
            Effect.orDie(sql`SELECT FROM ${sql(table)} WHERE execution_id = ${execution_id}`),
            ({ length }) => length
          )
        yield* pass
        yield* dropAll("dropExecutions")
        assert.isTrue(Option.isSome(yield* read(execution_id)))
        assert.strictEqual(yield* rowsOf("execution_attempts"), 1)
        yield* foldAll
        yield* dropAll("dropExecutions")
        assert.isTrue(Option.isNone(yield* read(execution_id)))
        for (const table of [
          "executions",
          "execution_inputs",
          "execution_attempts",
          "execution_rollups_pending"
        ]) {
          assert.strictEqual(yield* rowsOf(table), 0, table)
        }
      })
    )

    it.effect("leaves no other way to change an execution that has ended", () =>
      Effect.gen(function* () {
        const { write: sql } = yield* Database
        const execution_id = yield* ended(rejected)
        const refused = Effect.fnUntraced(function* (assignment: string, id = execution_id) {
          const error = yield* Effect.flip(
            sql.unsafe(`UPDATE executions SET ${assignment} WHERE execution_id = '${id}'`)
          )
          return saidBy(error)
        })
        const bare = "rendered_prompt = NULL, response_text = NULL, error_message = NULL"
        for (const assignment of [
          bare,
          "bodies_dropped_at = now()",
          "rendered_prompt = NULL, bodies_dropped_at = now()",
          `${bare.replace("error_message = NULL", "error_message = 'x'")}, bodies_dropped_at = now()`,
          `${bare}, bodies_dropped_at = now(), prompt_tokens = 7`,
          `${bare}, bodies_dropped_at = now(), rendered_prompt_sha256 = 'x'`,
          `${bare}, bodies_dropped_at = now(), params = '{"seed": 1}'`,
          `${bare}, bodies_dropped_at = now(), completed_at = now()`
        ]) {
          assert.include(yield* refused(assignment), "never changes", assignment)
        }
        yield* pass
        yield* dropAll("dropBodies")
        for (const assignment of [
          "bodies_dropped_at = now()",
          "bodies_dropped_at = NULL",
          "response_text = 'x'"
        ]) {
          assert.include(yield* refused(assignment), "never changes", assignment)
        }
        const running = yield* begun()
        assert.include(yield* refused("rendered_prompt = NULL", running), "executions_bodies")
        assert.include(yield* refused(`${bare}, bodies_dropped_at = now()`, running), "executions_bodies")
      })
    )

    it.effect.prop(
      "leaves the rollups as they were, also when they are made anew, after any history",
      [Steps],
      ([steps]) =>
        Effect.gen(function* () {
          const analytics = yield* AnalyticsStore
          const versions = yield* versionsOfTwo
          const names = [...new Set(versions.map(({ prompt }) => prompt.name))]
          const facts = new Map<string, ExecutionFact>()
          const remember = Effect.gen(function* () {
            for (const fact of yield* factsOf(names)) facts.set(fact.execution_id, fact)
          })
          for (const step of steps) {
            if (step.kind !== "Drop") yield* carryOut(versions, step)
            else {
              yield* remember
              yield* RetentionStore.use((store) => store[step.drop](Duration.hours(step.hours), 3))
            }
          }
          yield* remember
          const all = [...facts.values()]
          const second = new Date(Math.min(Date.now(), ...all.map(({ created_at }) => created_at.getTime())))
          second.setUTCHours(second.getUTCHours() + 1, 0, 0, 0)
          const check = Effect.gen(function* () {
            for (const prompt_name of names) {
              const { mode } = versions.find(({ prompt }) => prompt.name === prompt_name)!.prompt
              for (const from of [undefined, second]) {
                const counted = all.filter(
                  (fact) =>
                    fact.prompt_name === prompt_name && (from === undefined || fact.created_at >= from)
                )
                const [row] = yield* analytics.byMode(PROJECT, { prompt_name, from, mode })
                assert.deepStrictEqual(row, { ...figuresOf(counted), mode, prompt_count: 1 })
              }
            }
          })
          yield* check
          yield* foldAll
          yield* dropAll("dropExecutions", Duration.hours(20))
          yield* check
          const folded = yield* storedRollups
          yield* RollupStore.use((store) => store.rebuild(PROJECT))
          assert.deepStrictEqual(yield* storedRollups, folded)
          yield* check
        }),
      { arbitrary: { runs: 40 } }
    )
  })
