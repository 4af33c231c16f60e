/*
 * Measures what reads cost as executions grow: a ledger of 10 thousand executions and one of `npm run bench:scale -- N` (1
 * million unless told), each in a database of its own on a PostgreSQL that is started for it. Figures are medians of whole
 * reads by the stores, in milliseconds. Those of 10 million or more are shown by docs/benchmark.md and kept in `scale.json`,
 * with the plan of each statement; those of fewer are left in `scale.quick.json`. The goal at 10 million is 50 ms for analytics
 * and history, and 10 ms for lists. How much slower than at 10 thousand a read may be is no goal: both columns are shown, and
 * docs/benchmark.md says which reads take more than twice as long.
 */
import { Duration, Effect, Layer, Option, Redacted } from "effect"
import { Statement } from "effect/sql"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { attemptSucceeded } from "../src/domain/attempt.ts"
import type { GroupBy } from "../src/domain/grouping.ts"
import { DEFAULT_PROJECT_ID as PROJECT } from "../src/domain/Ids.ts"
import { Database } from "../src/layers/postgres/Database.ts"
import { layerMigrated } from "../src/layers/postgres/migrations.ts"
import { layerStores } from "../src/layers/postgres/stores.ts"
import { Analytics } from "../src/services/Analytics.ts"
import type { AnalyticsFilter, ExecutionFilter } from "../src/domain/requests.ts"
import { ExecutionStore } from "../src/services/ExecutionStore.ts"
import { PromptStore } from "../src/services/PromptStore.ts"
import { RollupStore } from "../src/services/RollupStore.ts"
import { change, newExecution, revise } from "../test/support/ledger.ts"
import { ownPostgres } from "../test/support/servers.ts"
import { provenance } from "./machine.ts"
import { markdownTable, withMarked } from "./markdown.ts"

const file = (name: string) => join(import.meta.dirname, name)
const DOCS = file("../docs/benchmark.md")

const SMALL = 10_000
const LARGE = Number(process.argv[2] ?? 1_000_000)
/** Less than what is promised is not kept. */
const WHOLE = 10_000_000
const ROUNDS = 40
const PAGE = { limit: 50 }

const PROMPTS = 100
/** A prompt whose executions all succeeded, in production: lists of others find none among many. */
const SPOTLESS = "prompt-9"
const DAYS = 90
/** Executions that ended since the last fold, and those that have not ended. */
const [PENDING, QUEUED] = [2_000, 500]

type Sql = Database["Service"]["write"]

/** Executions of all prompts, over the last days, with latencies as they are: many near half a second, a long tail. */
const insertExecutions = (sql: Sql, from: number, to: number) =>
  sql.unsafe(`
    INSERT INTO executions (execution_id, project_id, prompt_id, version_id, model_id, environment, execution_mode,
      status, correlation_id, params, rendered_prompt, rendered_prompt_bytes, rendered_prompt_sha256, response_text,
      response_bytes, prompt_tokens, response_tokens, latency_ms, error_type, epoch, attempts, created_at, started_at,
      completed_at)
    SELECT gen_random_uuid(), '${PROJECT}', v.prompt_id, v.version_id, m.model_id,
      CASE WHEN v.spotless OR random() < 0.8 THEN 'prod' WHEN random() < 0.9 THEN 'dev' ELSE 'staging' END, 'async',
      state.status, 'order-' || n / 3, '{}', 'Hello Ada', 9, repeat('0', 64), 'Hi', 2, 100, 20,
      exp(6.2 + 0.6 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()))::int,
      CASE WHEN state.status = 'failed' THEN (ARRAY['provider_timeout', 'provider_rejected'])[1 + floor(random() * 2)] END,
      1, 1, created.at, created.at, created.at + interval '1 second'
    FROM generate_series(${from}, ${to - 1}) AS n
    JOIN (
      SELECT v.*, p.name = '${SPOTLESS}' AS spotless, row_number() OVER (ORDER BY version_id) - 1 AS place
      FROM prompt_versions v JOIN prompts p USING (prompt_id)) v
      ON v.place = ((n % ${PROMPTS * 2}) * 7919) % ${PROMPTS * 2}
    CROSS JOIN LATERAL (
      SELECT (ARRAY['succeeded', 'failed', 'canceled'])[
        CASE WHEN v.spotless THEN 1 ELSE width_bucket(random(), ARRAY[0, 0.97, 0.99]) END]::execution_status
        AS status WHERE n >= 0) state
    CROSS JOIN LATERAL (
      SELECT date_trunc('milliseconds', now()) - random() * interval '${DAYS} days' AS at WHERE n >= 0) created
    JOIN (SELECT *, row_number() OVER (ORDER BY model_id) - 1 AS place FROM models) m ON m.place = v.place % 2`)

/** Fills an empty ledger: indexes are made at the end, and rollups by a rebuild. */
const fill = Effect.fnUntraced(function* (count: number) {
  const { migrating } = yield* Database
  const executions = yield* ExecutionStore
  for (let prompt = 0; prompt < PROMPTS; prompt++) {
    const mode = prompt % 2 === 0 ? "full" : "tracking"
    for (const text of ["one", "two"]) yield* revise(change(`prompt-${prompt}`, text, { mode }))
  }
  yield* Effect.scoped(
    Effect.gen(function* () {
      const sql = (yield* migrating) as Sql
      const indexes = yield* sql<{ readonly indexname: string; readonly indexdef: string }>`
        SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'executions' AND indexname LIKE 'idx%'`
      for (const { indexname } of indexes) yield* sql.unsafe(`DROP INDEX ${indexname}`)
      yield* sql`SET session_replication_role = replica`
      const step = 500_000
      for (let from = 0; from < count; from += step) {
        yield* insertExecutions(sql, from, Math.min(count, from + step))
      }
      yield* sql`SET session_replication_role = origin`
      for (const { indexdef } of indexes) yield* sql.unsafe(indexdef)
      const begun = performance.now()
      const counted = yield* RollupStore.use((store) => store.rebuild(PROJECT))
      console.log(`${counted} executions: rebuilt in ${Math.round((performance.now() - begun) / 100) / 10} s`)
      yield* sql`VACUUM ANALYZE`
    })
  )
  const version = yield* revise(change("prompt-0", "two"))
  const begun = performance.now()
  yield* Effect.forEach(
    Array.from({ length: PENDING }, (_, n) => n),
    Effect.fnUntraced(function* (n) {
      const execution = yield* newExecution(version, { mode: "sync" })
      yield* executions.insert(execution, Duration.hours(1))
      const completion = { text: "x", prompt_tokens: 1, response_tokens: 1, provider_request_id: null }
      const lease = { execution_id: execution.execution_id, epoch: 1 }
      yield* executions.finish(lease, attemptSucceeded(completion, Duration.millis(n)))
    }),
    { concurrency: 16 }
  )
  console.log(`${Math.round((PENDING / (performance.now() - begun)) * 1_000)} executions/s begun and ended`)
  for (let n = 0; n < QUEUED; n++) {
    yield* executions.insert(yield* newExecution(version), Duration.hours(1))
  }
})

const median = (times: ReadonlyArray<number>) =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!

const timed = <A, E, R>(read: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const times = []
    for (let round = 0; round < ROUNDS; round++) {
      const begun = performance.now()
      yield* read
      times.push(performance.now() - begun)
    }
    return median(times.slice(ROUNDS / 4))
  })

/** What the server does for each statement of a read. */
const plansOf = <A, E, R>(read: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { read: sql } = yield* Database
    const statements: Array<readonly [string, ReadonlyArray<unknown>]> = []
    const record: Statement.Transformer = (statement) =>
      Effect.sync(() => {
        statements.push(statement.compile())
        return statement
      })
    yield* Effect.provideService(read, Statement.CurrentTransformer, record)
    return yield* Effect.forEach(statements, ([text, params]) =>
      Effect.map(sql.unsafe<{ "QUERY PLAN": string }>(`EXPLAIN ${text}`, params), (rows) =>
        rows.map((row) => row["QUERY PLAN"])
      )
    )
  })

type Reads = ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown, Services>]>
type Services = Analytics | ExecutionStore | PromptStore | Database

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000)

/** In the middle of an hour, a day and a month: as far as can be from where the periods of rollups begin. */
const middle = (monthsAgo: number) => {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - monthsAgo, 15, 12, 30))
}
const middles = { from: middle(2), to: middle(1) }

const groups = (group_by: GroupBy, filter: AnalyticsFilter) =>
  Analytics.use((analytics) => analytics.groups(PROJECT, filter, group_by, PAGE))
const byMode = (filter: AnalyticsFilter) => Analytics.use((analytics) => analytics.prompts(PROJECT, filter))

const analyticReads: Reads = [
  [
    "history",
    PromptStore.use((store) =>
      Effect.flatMap(store.resolve(PROJECT, "prompt-7", undefined), (found) =>
        store.history(Option.getOrThrow(found).prompt.prompt_id, PAGE)
      )
    )
  ],
  ["analytics", byMode({})],
  ["analytics, the last 30 days", byMode({ from: daysAgo(30) })],
  ["analytics, a month from its middle", byMode(middles)],
  ["analytics of a prompt", byMode({ prompt_name: "prompt-7" })],
  ["analytics of a prompt, the last 30 days", byMode({ prompt_name: "prompt-7", from: daysAgo(30) })],
  ["versions of a prompt", Analytics.use((analytics) => analytics.versions(PROJECT, "prompt-7", {}, PAGE))],
  [
    "versions of a prompt, the last 30 days",
    Analytics.use((analytics) => analytics.versions(PROJECT, "prompt-7", { from: daysAgo(30) }, PAGE))
  ],
  ...(["prompt", "version", "model", "environment", "hour", "day"] as const).flatMap((group_by): Reads => [
    [`by ${group_by}`, groups(group_by, {})],
    [`by ${group_by}, the last 30 days`, groups(group_by, { from: daysAgo(30) })],
    [`by ${group_by}, a month from its middle`, groups(group_by, middles)]
  ])
]

const filters: Readonly<Record<string, ExecutionFilter>> = {
  all: {},
  "by prompt": { prompt_name: "prompt-7" },
  "by version": { prompt_name: "prompt-7", version_number: 1 },
  "by status": { status: "failed" },
  "by environment": { environment: "staging" },
  "by environment that has none": { environment: "nowhere" },
  "by correlation id": { correlation_id: "order-77" },
  "by time": { from: daysAgo(60), to: daysAgo(30) },
  "by prompt and status": { prompt_name: "prompt-7", status: "failed" },
  "by prompt and environment": { prompt_name: "prompt-7", environment: "staging" },
  "by prompt and status, none": { prompt_name: SPOTLESS, status: "failed" },
  "by version and status, none": { prompt_name: SPOTLESS, version_number: 1, status: "failed" },
  "by prompt and environment, none": { prompt_name: SPOTLESS, environment: "staging" }
}

/** The first page of a list, and the thousandth where it has so many. */
const listReads = Effect.fnUntraced(function* (name: string, filter: ExecutionFilter) {
  const store = yield* ExecutionStore
  const first = store.list(PROJECT, filter, PAGE)
  const skipped = yield* Effect.gen(function* () {
    let after
    for (let page = 0; page < 5; page++) {
      const [last] = (yield* store.list(PROJECT, filter, { after, limit: 10_000 })).slice(-1)
      if (last === undefined) return undefined
      after = last
    }
    return after
  })
  const reads: Reads = [[`list ${name}`, first]]
  return skipped === undefined
    ? reads
    : [
        ...reads,
        [`list ${name}, 1000th page`, store.list(PROJECT, filter, { ...PAGE, after: skipped })] as const
      ]
})

const measure = Effect.fnUntraced(function* (count: number) {
  yield* fill(count)
  const lists = yield* Effect.forEach(Object.entries(filters), ([name, filter]) => listReads(name, filter))
  const results = new Map<
    string,
    { readonly ms: number; readonly plans: ReadonlyArray<ReadonlyArray<string>> }
  >()
  for (const [name, read] of [...analyticReads, ...lists.flat()]) {
    results.set(name, { ms: yield* timed(read), plans: yield* plansOf(read) })
  }
  return results
})

const inDatabase = async (server: string, count: number) => {
  const name = `scale_${count}`
  const url = new URL(server)
  const admin = Database.layer({ url: Redacted.make(server) })
  await Effect.runPromise(
    Effect.provide(
      Database.use(({ write }) => write.unsafe(`CREATE DATABASE ${name}`)),
      admin
    )
  )
  url.pathname = `/${name}`
  const database = layerMigrated(Database.layer({ url: Redacted.make(url.href) }))
  const services = Analytics.layer.pipe(Layer.provideMerge(layerStores), Layer.provideMerge(database))
  return Effect.runPromise(Effect.provide(measure(count), services))
}

const server = await ownPostgres()
try {
  const small = await inDatabase(server.url, SMALL)
  const large = await inDatabase(server.url, LARGE)
  const cell = (time: number | undefined) => (time === undefined ? "" : time.toFixed(1))
  const shown = markdownTable([
    ["milliseconds", ...[SMALL, LARGE].map((count) => `of ${count.toLocaleString("en")}`)],
    ...[...large].map(([name, { ms }]) => [name, cell(small.get(name)?.ms), cell(ms)])
  ])
  console.log(shown)
  const reads = Object.fromEntries(
    [...large].map(([name, { ms, plans }]) => [
      name,
      { [`ms of ${SMALL}`]: small.get(name)?.ms, [`ms of ${LARGE}`]: ms, plans }
    ])
  )
  const kept = { ...provenance(), executions: LARGE, reads }
  const json = `${JSON.stringify(kept, null, 2)}\n`
  if (LARGE >= WHOLE) {
    writeFileSync(file("scale.json"), json)
    writeFileSync(DOCS, withMarked(readFileSync(DOCS, "utf8"), "scale", shown))
  } else writeFileSync(file("scale.quick.json"), json)
} finally {
  await server.stop()
}
