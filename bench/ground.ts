import { Effect } from "effect"
import { Redis } from "ioredis"
import { randomUUID } from "node:crypto"
import { ownPostgres, ownRedis } from "../test/support/servers.ts"
import type { OwnServer } from "../test/support/servers.ts"
import { startEntrypoint, startServer } from "./processes.ts"
import { ask } from "./send.ts"
import type { Request } from "./send.ts"
import { makeStatements } from "./statements.ts"

const PROMPT = "support-answer"
const MODEL = { provider: "openai", model_name: "gpt-4o-mini" }
const RULE = "Answer in plain words, stay with what the article says, and say so when it does not answer. "

export const template_source = `${RULE.repeat(6)}
Article: {{ article }}
{% for question in questions %}{{ loop.index }}. {{ question }}
{% endfor %}`

export const variables = {
  article: "The warranty covers faults of material and manufacture for two years. ".repeat(4),
  questions: ["How long is the warranty?", "Does it cover a broken screen?"]
}

/** A text as long as the rendered prompt, for those who need no template. */
export const CONTENT = template_source + variables.article + variables.questions.join("\n")

/** Everything as it comes, and what the tests leave out: a commit is on disk when it is acknowledged. */
const DURABLE = { fsync: "on", synchronous_commit: "on" }

const acquire = (start: () => Promise<OwnServer>) =>
  Effect.acquireRelease(Effect.promise(start), (server) => Effect.promise(() => server.stop()))

const postgres = acquire(async () => {
  try {
    return await ownPostgres({ settings: { ...DURABLE, shared_preload_libraries: "pg_stat_statements" } })
  } catch {
    return ownPostgres({ settings: DURABLE })
  }
})

/** PostgreSQL, Redis and a provider, and how the service's processes are started over them; all ends with the scope. */
export const makeGround = Effect.gen(function* () {
  const database = yield* postgres
  const redis = yield* acquire(() => ownRedis())
  const provider = yield* startServer("provider.ts")
  const statements = yield* makeStatements(database.url)
  const { sql } = statements
  yield* sql`CREATE TABLE bench_rows (
    id uuid PRIMARY KEY, prompt text NOT NULL, params jsonb NOT NULL, status text NOT NULL, created_at timestamptz NOT NULL)`
  const connection = yield* Effect.acquireRelease(
    Effect.sync(() => new Redis(redis.url)),
    (client) => Effect.sync(() => client.disconnect())
  )

  const providerUrl = `${provider.url}/v1`
  const takes = (millis: number) => ask({ url: `${provider.url}/takes/${millis}` })
  const apiKey = `bench-${randomUUID()}`
  const env = {
    DATABASE_URL: database.url,
    API_KEY: apiKey,
    OPENAI_API_KEY: "none",
    OPENAI_BASE_URL: providerUrl,
    RATE_LIMIT: "0",
    LOG_LEVEL: "warn",
    LOG_FORMAT: "json"
  }

  const headers = { "x-api-key": apiKey, "content-type": "application/json" }
  const requests = (url: string) => {
    const execution = { prompt_name: PROMPT, variables, model: MODEL }
    const post = (path: string, body: unknown): Request => ({
      url: url + path,
      method: "POST",
      headers,
      body: JSON.stringify(body)
    })
    return {
      read: { url: `${url}/v1/prompts/${PROMPT}`, headers } as Request,
      poll: (execution_id: string): Request => ({ url: `${url}/v1/executions/${execution_id}`, headers }),
      list: { url: `${url}/v1/executions?limit=50`, headers } as Request,
      put: {
        url: `${url}/v1/prompts/${PROMPT}`,
        method: "PUT",
        headers,
        body: JSON.stringify({ template_source })
      } as Request,
      register: post("/v1/prompts/register-code", {
        prompts: Array.from({ length: 1_000 }, (_, number) => ({
          name: `code-${number}`,
          template_source: `${number}: ${RULE}{{ text }}`
        }))
      }),
      run: post("/v1/executions:run", execution),
      submit: post("/v1/executions:submit", execution)
    }
  }

  /** The service's processes, with a queue in Redis or over PostgreSQL alone. */
  const starting = (queue: Record<string, string>) => ({
    startLedger: (more: Record<string, string> = {}) =>
      Effect.map(startEntrypoint("http/main", { ...env, ...queue, ...more }), (process) => ({
        ...process,
        requests: requests(process.url)
      })),
    startWorker: (more: Record<string, string> = {}) =>
      startEntrypoint("worker/main", { ...env, ...queue, ...more })
  })

  return {
    databaseUrl: database.url,
    redisUrl: redis.url,
    pids: { postgres: database.pid(), redis: redis.pid(), provider: provider.pid },
    statements,
    providerUrl,
    /** Has the provider take so many milliseconds for an answer, until the scope closes. */
    providerTakes: (millis: number) => Effect.acquireRelease(takes(millis), () => takes(0)),
    /** What the provider has seen. */
    calls: Effect.map(
      ask({ url: `${provider.url}/calls` }),
      (seen) => seen as { readonly calls: number; readonly open: number; readonly last: string }
    ),
    requests,
    ...starting({ REDIS_URL: redis.url }),
    withoutRedis: starting({}),
    /** What autovacuum does in its time. Until then plans are of the empty tables that they were made over. */
    settle: sql`ANALYZE executions, execution_inputs, execution_attempts, execution_rollups_pending`,
    /** Forgets every execution, and every call for one. */
    clear: Effect.gen(function* () {
      yield* sql`TRUNCATE executions, execution_rollups_pending CASCADE`
      yield* sql`TRUNCATE bench_rows`
      yield* Effect.promise(() => connection.flushall())
    })
  }
})

export type Ground = Effect.Success<typeof makeGround>
