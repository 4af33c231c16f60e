import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer, Option } from "effect"
import { Statement } from "effect/sql"
import { attemptNotMade } from "../../src/domain/attempt.ts"
import type { GroupBy } from "../../src/domain/grouping.ts"
import { ExecutionId } from "../../src/domain/Ids.ts"
import type { AnalyticsFilter, ExecutionFilter } from "../../src/domain/requests.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { layerMigrated } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import { AnalyticsStore } from "../../src/services/AnalyticsStore.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import { RetentionStore } from "../../src/services/RetentionStore.ts"
import { RollupStore } from "../../src/services/RollupStore.ts"
import { newDatabase } from "../support/database.ts"
import { change, newExecution, PROJECT, revise } from "../support/ledger.ts"

const database = layerMigrated(Layer.unwrap(Effect.map(newDatabase, (url) => Database.layer({ url }))))

type Stores = Layer.Success<typeof layerStores>

/** Within an hour, so that executions at its edge are read one by one. */
const HOUR = 3_600_000
const LATELY = new Date(Date.now() - 90 * 60_000)

const OTHER = crypto.randomUUID()

/** The statements that an effect runs over stores of its own, whose lanes it sees too, with their parameters. */
const statementsOf = (effect: Effect.Effect<unknown, unknown, Stores>) =>
  Effect.gen(function* () {
    const seen: Array<readonly [string, ReadonlyArray<unknown>]> = []
    const record: Statement.Transformer = (statement) =>
      Effect.sync(() => {
        seen.push(statement.compile() as (typeof seen)[number])
        return statement
      })
    yield* effect.pipe(
      Effect.provide(Layer.fresh(layerStores)),
      Effect.provideService(Statement.CurrentTransformer, record)
    )
    return seen
  })

/** The plan that the server makes of a statement, as text. */
const planOf = Effect.fnUntraced(function* (
  statement: string,
  params: ReadonlyArray<unknown>,
  connections: "read" | "write" = "write"
) {
  const { [connections]: sql } = yield* Database
  const rows = yield* sql.unsafe<{ "QUERY PLAN": string }>(`EXPLAIN ${statement}`, params)
  return rows.map((row) => row["QUERY PLAN"]).join("\n")
})

/** 100 prompts of two versions each, and 20,000 executions of them, a few of which have not ended. */
const fill = Effect.gen(function* () {
  const { migrating } = yield* Database
  // A busy machine may take longer to fill the table than statements of the service may.
  const sql = yield* migrating
  const store = yield* ExecutionStore
  for (let index = 0; index < 100; index++) {
    yield* revise(change(`prompt-${index}`, "one"))
    yield* revise(change(`prompt-${index}`, "two"))
  }
  const seed = yield* newExecution(yield* revise(change("seed", "x")))
  yield* store.insert(seed, Duration.seconds(30))
  yield* sql.unsafe(`
    INSERT INTO executions (execution_id, project_id, prompt_id, version_id, model_id, environment, execution_mode,
      status, correlation_id, idempotency_key, request_fingerprint, rendered_prompt, rendered_prompt_bytes,
      rendered_prompt_sha256, params, epoch, attempts, created_at, completed_at, next_attempt_at, lease_expires_at)
    SELECT gen_random_uuid(), v.project_id, v.prompt_id, v.version_id, s.model_id, 'dev', 'async',
      state.status::execution_status, 'c-' || n, 'k-' || n, 'f', 'x', 1, 'x', '{}', 1, 1,
      now() - n * interval '1 second',
      CASE WHEN state.status IN ('succeeded', 'failed') THEN now() END,
      CASE WHEN state.status = 'queued' THEN now() END,
      CASE WHEN state.status = 'running' THEN now() END
    FROM generate_series(1, 20000) AS n
    JOIN LATERAL (SELECT CASE n % 1000 WHEN 0 THEN 'queued' WHEN 1 THEN 'running' WHEN 2 THEN 'failed' ELSE 'succeeded' END AS status) state
      ON true
    JOIN (
      SELECT p.project_id, v.*, row_number() OVER (ORDER BY v.version_id) AS place
      FROM prompt_versions v JOIN prompts p USING (prompt_id)
    ) v ON v.place = n % 200 + 1
    CROSS JOIN (SELECT model_id FROM executions LIMIT 1) s`)
  const rollups = yield* RollupStore
  yield* rollups.rebuild(PROJECT)
  yield* sql`ANALYZE`
}).pipe(Effect.scoped)

const filled = Layer.effectDiscard(fill).pipe(Layer.provideMerge(layerStores), Layer.provideMerge(database))

layer(filled, { timeout: "60 seconds", excludeTestServices: true })("hot queries", (it) => {
  const list = (filter: Partial<ExecutionFilter>) =>
    ExecutionStore.use((store) => store.list(PROJECT, filter, { limit: 50 }))

  const byMode = (filter: AnalyticsFilter) => AnalyticsStore.use((store) => store.byMode(PROJECT, filter))
  const groups = (filter: AnalyticsFilter, group_by: GroupBy) =>
    AnalyticsStore.use((store) => store.groups(PROJECT, filter, group_by, { limit: 50 }))

  it.effect.each([
    ["executions by prompt", "idx_exec_prompt_time", list({ prompt_name: "prompt-7" })],
    ["executions by version", "idx_exec_version_time", list({ prompt_name: "prompt-7", version_number: 1 })],
    ["executions", "idx_exec_project_time", list({})],
    ["executions by status", "idx_exec_status_time", list({ status: "queued" })],
    [
      "failures of a prompt",
      "idx_exec_prompt_unsuccessful",
      list({ prompt_name: "prompt-7", status: "failed" })
    ],
    [
      "failures of a version",
      "idx_exec_prompt_unsuccessful",
      list({ prompt_name: "prompt-7", version_number: 1, status: "failed" })
    ],
    ["executions by environment", "idx_exec_project_env_time", list({ environment: "staging" })],
    ["executions by correlation id", "idx_exec_corr", list({ correlation_id: "c-77" })],
    [
      "the idempotent look-up",
      "executions_idempotency_key",
      ExecutionStore.use((store) => store.keyed(PROJECT, "prompt-7", "k-7"))
    ],
    [
      "the sweeper's outbox",
      "idx_exec_next_attempt",
      ExecutionStore.use((store) => store.due(Duration.seconds(5), 100))
    ],
    [
      "what a worker claims",
      "idx_exec_next_attempt",
      ExecutionStore.use((store) => store.claimDue(32, Duration.seconds(30)))
    ],
    [
      "a prompt's history",
      "execution_rollups_key",
      PromptStore.use((store) =>
        Effect.flatMap(store.resolve(PROJECT, "prompt-7", undefined), (found) =>
          store.history(Option.getOrThrow(found).prompt.prompt_id, { limit: 50 })
        )
      )
    ],
    ["analytics by mode", "idx_rollups_all_time", byMode({})],
    ["analytics of a prompt", "execution_rollups_key", byMode({ prompt_name: "prompt-7" })],
    ["analytics by version", "idx_rollups_project_time", groups({}, "version")],
    ["analytics by day", "idx_rollups_all_time", groups({ from: LATELY }, "day")],
    ["analytics by model, from an instant on", "idx_rollups_all_time", groups({ from: LATELY }, "model")],
    ["the sweeper's leases", "idx_exec_lease", ExecutionStore.use((store) => store.recover(100))],
    ["bodies to drop", "idx_exec_ended", RetentionStore.use((store) => store.dropBodies(Duration.zero, 500))],
    [
      "executions to drop that have bodies",
      "idx_exec_ended",
      RetentionStore.use((store) => store.dropExecutions(Duration.zero, 500))
    ],
    [
      "executions to drop that have none",
      "idx_exec_bare",
      RetentionStore.use((store) => store.dropExecutions(Duration.zero, 500))
    ]
  ] as const)("%s", ([_, index, query]) =>
    Effect.gen(function* () {
      const statements = yield* statementsOf(query)
      const plans = yield* Effect.forEach(statements, ([statement, params]) => planOf(statement, params))
      assert.lengthOf(
        plans.filter((plan) => plan.includes(index)),
        1
      )
      for (const plan of plans) assert.notMatch(plan, /Seq Scan on executions\b/)
    })
  )

  it.effect(
    "what is counted one by one is added up by bucket before it makes sketches, and is not sorted",
    () =>
      Effect.gen(function* () {
        // All but a moment of an hour, at whatever time it is: of few executions the planner may well sort.
        const from = new Date(Math.floor(Date.now() / HOUR - 2) * HOUR + 1)
        const statements = yield* statementsOf(groups({ from }, "version"))
        const plan = yield* planOf(...statements[0]!, "read")
        assert.match(plan, / HashAggregate .*\n +Group Key: .*\bln\(/)
      })
  )

  /** A statement's plan after a change of the ledger, which is undone afterwards. */
  const planAfter = (alter: string, query: Effect.Effect<unknown, never, Stores>) =>
    Effect.gen(function* () {
      const { write: sql } = yield* Database
      const [statement] = yield* statementsOf(query)
      // A busy machine may take longer to change the ledger than statements of the service may.
      return yield* sql`SET LOCAL statement_timeout = 0`.pipe(
        Effect.andThen(sql.unsafe(alter)),
        Effect.andThen(planOf(...statement!)),
        Effect.flatMap((found) => Effect.fail({ rolledBack: found })),
        sql.withTransaction,
        Effect.catchIf(
          (error) => "rolledBack" in error,
          ({ rolledBack }) => Effect.succeed(rolledBack)
        )
      )
    })

  const lease = { execution_id: ExecutionId.make(crypto.randomUUID()), epoch: 1 }
  const KEY = "ALTER TABLE executions DROP CONSTRAINT executions_pkey CASCADE"
  const DUE = "DROP INDEX idx_exec_next_attempt"
  it.effect.each([
    ["claims of what is named", KEY, ExecutionStore.use((store) => store.claim(lease, Duration.seconds(30)))],
    ["ends", KEY, ExecutionStore.use((store) => store.finish(lease, attemptNotMade("worker_lost", "x")))],
    ["renewals", KEY, ExecutionStore.use((store) => store.renew([lease], Duration.seconds(30)))],
    ["polls", KEY, ExecutionStore.use((store) => store.get(PROJECT, lease.execution_id))],
    ["waiting polls", KEY, ExecutionStore.use((store) => store.status(PROJECT, lease.execution_id))],
    ["lineage", KEY, ExecutionStore.use((store) => store.lineage(PROJECT, lease.execution_id))],
    ["cancels", KEY, ExecutionStore.use((store) => store.cancel(PROJECT, lease.execution_id))],
    ["claims of what is due", DUE, ExecutionStore.use((store) => store.claimDue(32, Duration.seconds(30)))],
    ["sweeps", DUE, ExecutionStore.use((store) => store.due(Duration.zero, 100))]
  ] as const)(
    "no index can stand in for the one that is meant, whatever the statistics say: %s",
    ([, drop, query]) =>
      Effect.gen(function* () {
        assert.notMatch(yield* planAfter(drop, query), /idx_exec/)
      })
  )

  const OTHERS = `DO $$ BEGIN
    INSERT INTO projects (project_id, name) VALUES ('${OTHER}', 'other');
    INSERT INTO executions (execution_id, project_id, prompt_id, version_id, model_id, environment, execution_mode, status,
      rendered_prompt, rendered_prompt_bytes, rendered_prompt_sha256, created_at, completed_at)
    SELECT gen_random_uuid(), '${OTHER}', prompt_id, version_id, model_id, 'staging', 'async', 'failed', 'x', 1, 'x', created_at, now()
    FROM executions LIMIT 5000;
    ANALYZE; END $$`
  it.effect.each([
    ["a project's failures", "idx_exec_project_unsuccessful", list({ status: "failed" })],
    [
      "what a prompt ran in an environment",
      "idx_exec_prompt_env_time",
      list({ prompt_name: "prompt-7", environment: "staging" })
    ],
    [
      "what a version ran in an environment",
      "idx_exec_prompt_env_time",
      list({ prompt_name: "prompt-7", version_number: 1, environment: "staging" })
    ]
  ] as const)("is not looked for among that of others: %s", ([, index, query]) =>
    Effect.gen(function* () {
      assert.include(yield* planAfter(OTHERS, query), index)
    })
  )

  const EMPTIED = "DO $$ BEGIN DELETE FROM executions; ANALYZE; END $$"
  it.effect.each([
    ["folding", RollupStore.use((store) => store.fold(1_000))],
    ["sweeping", ExecutionStore.use((store) => store.recover(100))],
    ["dropping", RetentionStore.use((store) => store.dropExecutions(Duration.zero, 100))]
  ] as const)(
    "what is taken is looked for once and not for each row that is there, whatever the statistics say: %s",
    ([, query]) =>
      Effect.gen(function* () {
        assert.notMatch(yield* planAfter(EMPTIED, query), /Semi Join/)
      })
  )
})
