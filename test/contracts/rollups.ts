import { assert, describe } from "@effect/vitest"
import type { Vitest } from "@effect/vitest"
import { Duration, Effect, Option, Schema } from "effect"
import { attemptFailed, attemptSucceeded } from "../../src/domain/attempt.ts"
import { noFigures } from "../../src/domain/figures.ts"
import type { GroupBy } from "../../src/domain/grouping.ts"
import { positionOf } from "../../src/domain/grouping.ts"
import type { ModelRef } from "../../src/domain/Model.ts"
import { makeProviderError } from "../../src/domain/providerError.ts"
import { bucketOf, LN_GAMMA } from "../../src/domain/sketch.ts"
import type { AnalyticsFilter } from "../../src/domain/requests.ts"
import { factColumns } from "../../src/layers/postgres/facts.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { AnalyticsStore } from "../../src/services/AnalyticsStore.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import { RollupStore } from "../../src/services/RollupStore.ts"
import { DatabaseClock } from "../support/database.ts"
import { factsOf, figuresOf, storedRollups } from "../support/figures.ts"
import type { ExecutionFact } from "../support/figures.ts"
import { isIn } from "../support/isIn.ts"
import { change, newExecution, newName, PROJECT, revise } from "../support/ledger.ts"

const LEASE = Duration.minutes(1)
const ENVIRONMENTS = ["dev", "prod"]
const MODELS: ReadonlyArray<ModelRef> = [
  { provider: "echo", model_name: "echo" },
  { provider: "openai", model_name: "gpt-4o" }
]
export const below = (limit: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: limit - 1 }))

/** One thing that happens to a ledger. */
export const Step = Schema.Union([
  Schema.Struct({
    kind: Schema.Literals(["Succeed", "Fail", "Cancel", "Lose", "Leave"]),
    version: below(3),
    environment: below(2),
    model: below(2),
    latency: below(50_000)
  }),
  Schema.Struct({ kind: Schema.Literal("Fold"), limit: below(5) }),
  /** A fold that is cut off before it is committed. */
  Schema.Struct({ kind: Schema.Literal("Crash"), limit: below(5) }),
  Schema.Struct({ kind: Schema.Literal("Wait"), hours: below(40) }),
  Schema.Struct({ kind: Schema.Literal("Rebuild") })
])
const Steps = Schema.Array(Step).check(Schema.isMaxLength(30))
/** Minutes after a history began: within its first day, or as long as it may go on. */
const Minutes = Schema.Union([below(1_500), below(60_000)])

/** From the earlier of two such minutes to the later. */
const spanOf = (facts: ReadonlyArray<ExecutionFact>, first: number, second: number) => {
  const since = Math.min(Date.now(), ...facts.map(({ created_at }) => created_at.getTime()))
  const minutes = (count: number) => new Date(since + count * 60_000)
  return { from: minutes(Math.min(first, second)), to: minutes(Math.max(first, second)) }
}

type Versions = ReadonlyArray<Effect.Success<ReturnType<typeof revise>>>

export const carryOut = Effect.fnUntraced(function* (versions: Versions, step: typeof Step.Type) {
  const rollups = yield* RollupStore
  const executions = yield* ExecutionStore
  const { write } = yield* Database
  switch (step.kind) {
    case "Fold":
      return yield* rollups.fold(step.limit + 1)
    case "Crash":
      return yield* rollups
        .fold(step.limit + 1)
        .pipe(Effect.andThen(Effect.fail("cut off")), write.withTransaction, Effect.exit)
    case "Wait":
      return yield* DatabaseClock.use(({ advance }) => advance(Duration.hours(step.hours)))
    case "Rebuild":
      return yield* rollups.rebuild(PROJECT)
  }
  const { model_id } = yield* executions.model(MODELS[step.model]!)
  const environment = ENVIRONMENTS[step.environment]!
  const execution = yield* newExecution(versions[step.version]!, { mode: "sync", model_id, environment })
  yield* executions.insert(execution, LEASE)
  const lease = { execution_id: execution.execution_id, epoch: 1 }
  const latency = Duration.millis(step.latency)
  switch (step.kind) {
    case "Succeed": {
      const completion = { text: "x", prompt_tokens: 10, response_tokens: 5, provider_request_id: null }
      return yield* executions.finish(lease, attemptSucceeded(completion, latency))
    }
    case "Fail": {
      const error = makeProviderError({
        reason: step.latency % 2 === 0 ? "rejected" : "timeout",
        detail: "no"
      })
      return yield* executions.finish(lease, attemptFailed({ mode: "sync", attempts: 1 }, error, latency))
    }
    case "Cancel":
      return yield* executions.cancel(PROJECT, execution.execution_id)
    case "Lose":
      return yield* executions.release(lease)
  }
})

/** Two versions of one prompt, and one of another. */
export const versionsOfTwo = Effect.gen(function* () {
  const [one, other] = [newName("a"), newName("b")]
  return [
    yield* revise(change(one, "1")),
    yield* revise(change(one, "2")),
    yield* revise(change(other, "1", { mode: "tracking" }))
  ]
})

export const foldAll = Effect.gen(function* () {
  const rollups = yield* RollupStore
  while (Option.getOrThrow(yield* rollups.fold(1_000)) > 0);
})

const KEYS: { readonly [By in GroupBy]: (fact: ExecutionFact) => object } = {
  prompt: ({ prompt_name }) => ({ prompt_name }),
  version: ({ prompt_name, version_number }) => ({ prompt_name, version_number }),
  model: ({ provider, model_name }) => ({ provider, model_name }),
  environment: ({ environment }) => ({ environment }),
  hour: ({ created_at }) => ({ period: new Date(new Date(created_at).setUTCMinutes(0, 0, 0)) }),
  day: ({ created_at }) => ({ period: new Date(new Date(created_at).setUTCHours(0, 0, 0, 0)) })
}

/** The groups that a store tells, all pages of two, and those that the executions themselves make. */
const groupsOf = Effect.fnUntraced(function* (filter: AnalyticsFilter, group_by: GroupBy) {
  const store = yield* AnalyticsStore
  let page = yield* store.groups(PROJECT, filter, group_by, { limit: 2 })
  const told = [...page]
  while (page.length === 2) {
    const after = positionOf(group_by, page[1]!)
    page = yield* store.groups(PROJECT, filter, group_by, { after, limit: 2 })
    told.push(...page)
  }
  return told
})

export const rollupsContract = (
  it: Vitest.MethodsNonLive<
    AnalyticsStore | ExecutionStore | PromptStore | RollupStore | Database | DatabaseClock
  >
) =>
  describe("RollupStore", () => {
    it.effect.prop(
      "with what is not folded tells what the executions add up to, after any history, and is what a rebuild makes",
      [Steps, Minutes, Minutes],
      ([steps, first, second]) =>
        Effect.gen(function* () {
          const store = yield* AnalyticsStore
          const versions = yield* versionsOfTwo
          const names = [...new Set(versions.map(({ prompt }) => prompt.name))]
          for (const step of steps) yield* carryOut(versions, step)

          const facts = yield* factsOf(names)
          const span = spanOf(facts, first, second)
          const check = Effect.gen(function* () {
            for (const prompt_name of names) {
              for (const { from, to } of [
                { from: undefined, to: undefined },
                span,
                { ...span, to: undefined }
              ]) {
                for (const environment of [undefined, "prod"]) {
                  const counted = facts.filter(
                    (fact) =>
                      fact.prompt_name === prompt_name &&
                      (environment ?? fact.environment) === fact.environment &&
                      isIn({ from, to }, fact.created_at)
                  )
                  const mode = versions.find(({ prompt }) => prompt.name === prompt_name)!.prompt.mode
                  const [row] = yield* store.byMode(PROJECT, { prompt_name, environment, from, to, mode })
                  assert.deepStrictEqual(row, { ...figuresOf(counted), mode, prompt_count: 1 })
                }
              }
            }
          })
          yield* check
          yield* foldAll
          yield* check
          const folded = yield* storedRollups
          yield* (yield* RollupStore).rebuild(PROJECT)
          assert.deepStrictEqual(yield* storedRollups, folded)
        }),
      { arbitrary: { runs: 50 } }
    )

    it.effect.prop(
      "tells groups of any kind, page by page, for one prompt and for all",
      [Steps, Minutes, Minutes],
      ([steps, first, second]) =>
        Effect.gen(function* () {
          const { write: sql } = yield* Database
          const versions = yield* versionsOfTwo
          const prompt_name = versions[0]!.prompt.name
          for (const step of steps) yield* carryOut(versions, step)
          const all = yield* Effect.orDie(sql<{ readonly name: string }>`SELECT name FROM prompts`)
          const span = spanOf(yield* factsOf([prompt_name]), first, second)
          for (const [filter, names] of [
            [{}, all.map(({ name }) => name)],
            [{ prompt_name }, [prompt_name]],
            [{ prompt_name, ...span }, [prompt_name]]
          ] as ReadonlyArray<[AnalyticsFilter, ReadonlyArray<string>]>) {
            const facts = (yield* factsOf(names)).filter(({ created_at }) => isIn(filter, created_at))
            for (const [group_by, keyOf] of Object.entries(KEYS) as ReadonlyArray<
              [GroupBy, (typeof KEYS)[GroupBy]]
            >) {
              const groups = Object.groupBy(facts, (fact) => JSON.stringify(keyOf(fact)))
              const told = yield* groupsOf(filter, group_by)
              assert.sameDeepMembers(
                told as Array<unknown>,
                Object.values(groups).map((group) => ({ ...keyOf(group![0]!), ...figuresOf(group!) }))
              )
            }
          }
        }),
      { arbitrary: { runs: 10 } }
    )

    it.effect("tells nothing of what ended before a span in a day that is counted otherwise", () =>
      Effect.gen(function* () {
        const store = yield* AnalyticsStore
        const { write: sql, now } = yield* Database
        const versions = yield* versionsOfTwo
        const prompt_name = versions[0]!.prompt.name
        const [time] = yield* Effect.orDie(sql<{ readonly now: Date }>`SELECT ${yield* now} AS now`)
        const midnight = new Date(time!.now).setUTCHours(24, 0, 0, 0)
        yield* DatabaseClock.use(({ advance }) => advance(midnight - time!.now.getTime() + 3_600_000))
        const fails = { kind: "Fail", environment: 0, model: 0, latency: 1, version: 0 } as const
        yield* carryOut(versions, fails)
        yield* foldAll

        const later = { prompt_name, from: new Date(midnight + 2.5 * 3_600_000) }
        assert.deepStrictEqual(yield* groupsOf(later, "environment"), [])
        const [none] = yield* store.byMode(PROJECT, later)
        assert.deepStrictEqual(none, { ...noFigures, mode: "full", prompt_count: 1 })
        yield* DatabaseClock.use(({ advance }) => advance("2 hours"))
        yield* carryOut(versions, { ...fails, kind: "Succeed" })
        const [one] = yield* store.byMode(PROJECT, later)
        assert.include(one, { execution_count: 1, failed: 0, succeeded: 1 })
      })
    )

    it.effect("forgets what was deleted by hand, folded or not, when it is rebuilt", () =>
      Effect.gen(function* () {
        const { write: sql } = yield* Database
        const { byMode } = yield* AnalyticsStore
        const versions = yield* versionsOfTwo
        const prompt_name = versions[0]!.prompt.name
        const run = { kind: "Succeed", version: 0, environment: 0, model: 0, latency: 1 } as const
        yield* carryOut(versions, run)
        yield* foldAll
        for (let count = 0; count < 2; count++) yield* carryOut(versions, run)
        const facts = yield* factsOf([prompt_name])
        for (const { execution_id } of facts.slice(0, 2)) {
          yield* Effect.orDie(sql`DELETE FROM executions WHERE execution_id = ${execution_id}`)
        }
        yield* (yield* RollupStore).rebuild(PROJECT)
        const [row] = yield* byMode(PROJECT, { prompt_name })
        assert.strictEqual(row!.execution_count, 1)
        yield* foldAll
        const [after] = yield* byMode(PROJECT, { prompt_name })
        assert.deepStrictEqual(after, row)
      })
    )

    it.effect("tells the versions that are asked for, and those alone", () =>
      Effect.gen(function* () {
        const store = yield* AnalyticsStore
        const versions = yield* versionsOfTwo
        const run = { kind: "Succeed", environment: 0, model: 0, latency: 100 } as const
        for (const version of [0, 0, 1, 2]) yield* carryOut(versions, { ...run, version })
        const [first, second, other] = versions.map(({ version }) => version.version_id)
        const { name } = versions[0]!.prompt
        const told = yield* store.versions(PROJECT, { prompt_name: name }, [first!, other!])
        assert.lengthOf(told, 1)
        assert.include(told[0], { version_id: first!, execution_count: 2, avg_latency_ms: 100 })
        const both = yield* store.versions(PROJECT, { prompt_name: name }, [first!, second!])
        assert.sameMembers(
          both.map(({ execution_count }) => execution_count),
          [2, 1]
        )
        const [none] = yield* store.byMode(PROJECT, { prompt_name: name, environment: "nowhere" })
        assert.deepStrictEqual(none, { ...noFigures, mode: "full", prompt_count: 1 })
      })
    )

    it.effect("puts latencies into the buckets of the domain", () =>
      Effect.gen(function* () {
        const { write: sql } = yield* Database
        const bounds = Array.from({ length: 1_075 }, (_, bucket) => Math.floor(Math.exp(bucket * LN_GAMMA)))
        const latencies = [0, ...new Set(bounds.flatMap((bound) => [bound, bound + 1]))].filter(
          (latency) => latency <= 2_147_483_647
        )
        const bucket = factColumns.slice(factColumns.lastIndexOf("(CASE"), factColumns.lastIndexOf(" AS "))
        const rows = yield* Effect.orDie(
          sql<{ readonly bucket: number }>`
            SELECT ${sql.literal(bucket)} AS bucket
            FROM unnest(${latencies}::int[]) WITH ORDINALITY AS e (latency_ms, place) ORDER BY place`
        )
        assert.deepStrictEqual(
          rows.map((row) => row.bucket),
          latencies.map(bucketOf)
        )
      })
    )
  })
