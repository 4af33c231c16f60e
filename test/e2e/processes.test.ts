import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { execFile, execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { beforeAll, inject, vi } from "vitest"
import { callerOf, KEY } from "../support/api.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { newDatabase, newFolder } from "../support/database.ts"
import { fails, fakeOpenAi, onCue, says } from "../support/fakeOpenAi.ts"
import { start, startApi, startNode } from "../support/processes.ts"
import { until } from "../support/service.ts"

const ROOT = join(import.meta.dirname, "../..")
const MODEL = { provider: "openai", model_name: "gpt-4o-mini" }

// Each test starts several processes, on a machine that may have much else to do.
vi.setConfig({ testTimeout: 90_000 })

beforeAll(() => {
  execFileSync("npm", ["run", "--silent", "build"], { cwd: ROOT, stdio: "inherit" })
})

type Call = ReturnType<typeof callerOf>

const greeting = (call: Call) =>
  call("PUT", "/v1/prompts/greeting", { body: { template_source: "Hello {{ name }}" } })
const asked = { prompt_name: "greeting", variables: { name: "Ada" }, model: MODEL }
const run = (call: Call) => call("POST", "/v1/executions:run", { body: asked })
const submit = (call: Call) => call("POST", "/v1/executions:submit", { body: asked })
const ended = (call: Call, execution_id: string) => call("GET", `/v1/executions/${execution_id}?wait=30`)

describe("embedded, in one process", () => {
  it.live("shows its key once, runs prompts, and keeps what it did over a restart", () =>
    Effect.gen(function* () {
      const DATA_DIR = yield* newFolder
      const first = yield* startApi({ DATA_DIR })
      assert.match(first.output(), /migrated the database: 1 ledger/)
      assert.match(first.output(), /OPENAI_API_KEY is not set/)
      const [key] = yield* first.says(/pl_\S+/)
      const call = callerOf(first.url, key)
      assert.strictEqual((yield* greeting(call)).status, 201)
      const { body: ran } = yield* run(call)
      assert.include(ran, { status: "succeeded", response_text: "[echo] Hello Ada" })
      const { body: submitted } = yield* submit(call)
      assert.strictEqual((yield* ended(call, submitted.execution_id)).body.status, "succeeded")
      assert.strictEqual(yield* first.stop(), 0)

      const second = yield* startApi({ DATA_DIR })
      assert.notMatch(second.output(), /pl_|migrated/)
      const again = callerOf(second.url, key)
      for (const { execution_id } of [ran, submitted]) {
        assert.strictEqual((yield* ended(again, execution_id)).body.status, "succeeded")
      }
      assert.strictEqual(yield* second.stop("SIGINT"), 0)

      const helping = yield* start("cli/rebuild", { DATA_DIR }, "--help")
      assert.strictEqual(yield* helping.ended, 0)
      assert.notInclude(helping.output(), 'executions":')
      const rebuilding = yield* start("cli/rebuild", { DATA_DIR, LOG_LEVEL: "warn" })
      assert.strictEqual(yield* rebuilding.ended, 0)
      assert.strictEqual(rebuilding.output(), '{"executions":2}\n')
    })
  )

  it.live("goes on after a kill where it was: what was submitted is run", () =>
    Effect.gen(function* () {
      const provider = yield* fakeOpenAi
      provider.behave([fails(503, "not yet"), says("now")])
      const env = { DATA_DIR: yield* newFolder, API_KEY: KEY, OPENAI_BASE_URL: provider.url }
      const first = yield* startApi(env)
      const call = callerOf(first.url)
      yield* greeting(call)
      const { body: submitted } = yield* submit(call)
      const { execution_id } = submitted
      yield* until(
        Effect.map(
          call("GET", `/v1/executions/${execution_id}`),
          ({ body }) => body.next_attempt_at !== null && body.attempts === 1
        )
      )
      assert.strictEqual(yield* first.stop("SIGKILL"), "SIGKILL")

      const second = yield* startApi(env)
      const { body } = yield* ended(callerOf(second.url), execution_id)
      assert.include(body, { status: "succeeded", response_text: "now", attempts: 2, lost_attempts: 0 })
      assert.lengthOf(provider.calls, 2)
    })
  )

  it.live("lets go of a program that embeds it as soon as its scope has closed", () =>
    Effect.gen(function* () {
      const program = `
        import { Effect } from "effect"
        import { PromptLedger, Prompts } from "promptledger"
        await Effect.runPromise(Effect.provide(Effect.asVoid(Prompts), PromptLedger.layerMemory()))
        console.log("closed")
      `
      const embedding = yield* startNode(["--input-type=module", "--eval", program], {})
      yield* embedding.says("closed")
      const left = yield* Effect.timeoutOption(embedding.ended, "10 seconds")
      assert.deepStrictEqual(left, Option.some(0))
    })
  )

  it.live("is begun by no command that only works on what is there", () =>
    Effect.gen(function* () {
      const DATA_DIR = join(yield* newFolder, "wrong")
      for (const [command, ...args] of [
        ["cli/rebuild"],
        ["cli/retention", "--bodies", "1d", "--dry-run"],
        ["cli/admin", "projects", "list"],
        ["cli/admin", "keys", "list"]
      ] as const) {
        const refused = yield* start(command, { DATA_DIR }, ...args)
        assert.strictEqual(yield* refused.ended, 1)
        assert.strictEqual(
          refused.output(),
          "The configuration is not usable:\n  DATA_DIR: holds no ledger: Expected the service's DATA_DIR, or its DATABASE_URL\n"
        )
      }
      assert.isFalse(existsSync(DATA_DIR))
      const begun = yield* start("cli/admin", { DATA_DIR }, "projects", "create", "team")
      assert.strictEqual(yield* begun.ended, 0)
      const listed = yield* start("cli/admin", { DATA_DIR }, "projects", "list")
      assert.strictEqual(yield* listed.ended, 0)
      assert.include(listed.output(), '"team"')
    })
  )

  it.live("refuses a data folder that another process has", () =>
    Effect.gen(function* () {
      const DATA_DIR = yield* newFolder
      const first = yield* startApi({ DATA_DIR })
      const second = yield* start("http/main", { PORT: "0", DATA_DIR })
      assert.strictEqual(yield* second.ended, 1)
      assert.strictEqual(
        second.output(),
        `${DATA_DIR} cannot be opened: process ${first.pid} has it. Stop that process, or set DATA_DIR to another folder.\n`
      )
    })
  )
})

describe("API and worker, over PostgreSQL and Redis", () => {
  const shared = Effect.gen(function* () {
    const provider = yield* fakeOpenAi
    const DATABASE_URL = Redacted.value(yield* newDatabase)
    const env = {
      DATABASE_URL,
      REDIS_URL: `${inject("redisUrl")}/9`,
      API_KEY: KEY,
      OPENAI_BASE_URL: provider.url
    }
    return { env, provider }
  })

  it.live("start together on an empty database, which one of them migrates", () =>
    Effect.gen(function* () {
      const { env } = yield* shared
      const all = yield* Effect.all(
        [startApi(env), startApi(env), start("worker/main", { ...env, WORKER_PORT: "0" })],
        {
          concurrency: "unbounded"
        }
      )
      const [, worker] = yield* all[2].says(/tells its state on (http:[^"]+)/)
      assert.lengthOf(
        all.filter(({ output }) => output().includes("migrated the database")),
        1
      )
      for (const url of [all[0].url, all[1].url, worker!]) {
        const { status, body } = yield* callerOf(url)("GET", "/ready")
        assert.strictEqual(status, 200)
        assert.deepStrictEqual(body, { status: "ready", parts: { database: "ok", queue: "ok" } })
      }
      const nothing = yield* callerOf(worker!)("GET", "/v1/prompts")
      assert.deepInclude(nothing.body, { status: 404, code: "NotFound" })
    })
  )

  it.live("run in the worker what was submitted to the API, also when both were restarted in between", () =>
    Effect.gen(function* () {
      const { env, provider } = yield* shared
      const api = yield* startApi(env)
      const call = callerOf(api.url)
      yield* greeting(call)
      assert.include((yield* run(call)).body, { status: "succeeded", mode: "sync" })
      const { body: submitted } = yield* submit(call)
      assert.strictEqual(
        (yield* call("GET", `/v1/executions/${submitted.execution_id}`)).body.status,
        "queued"
      )
      assert.strictEqual(yield* api.stop(), 0)
      assert.lengthOf(provider.calls, 1)

      const worker = yield* start("worker/main", env)
      const second = yield* startApi(env)
      const { body } = yield* ended(callerOf(second.url), submitted.execution_id)
      assert.include(body, { status: "succeeded", response_text: "hello", attempts: 1, lost_attempts: 0 })
      assert.match(worker.output(), new RegExp(`execution finished.*${submitted.execution_id}`))
      assert.lengthOf(provider.calls, 2)
      assert.strictEqual(yield* worker.stop(), 0)
    })
  )

  it.live("finish the call that is under way when they are told to stop", () =>
    Effect.gen(function* () {
      const { env, provider } = yield* shared
      const { behaviour, answer } = onCue(says("to the end"))
      provider.behave(behaviour)
      const api = yield* startApi(env)
      const call = callerOf(api.url)
      yield* greeting(call)
      const worker = yield* start("worker/main", env)
      yield* worker.says("the worker is ready")
      const { body: submitted } = yield* submit(call)
      yield* until(Effect.sync(() => provider.calls.length === 1))
      const ran = yield* Effect.forkChild(run(call))
      yield* until(Effect.sync(() => provider.calls.length === 2))

      const stopped = yield* Effect.forkChild(Effect.all([api.stop(), worker.stop()], { concurrency: 2 }))
      yield* Effect.all([api.says("stopping"), worker.says("stopping")])
      answer()
      assert.include((yield* Fiber.join(ran)).body, { status: "succeeded", response_text: "to the end" })
      assert.deepStrictEqual(yield* Fiber.join(stopped), [0, 0])
      const second = yield* startApi(env)
      const { body } = yield* ended(callerOf(second.url), submitted.execution_id)
      assert.include(body, { status: "succeeded", attempts: 1, lost_attempts: 0 })
      assert.lengthOf(provider.calls, 2)
    })
  )
})

describe("API and workers, over PostgreSQL alone", () => {
  it.live(
    "share what is submitted, and begin it at once wherever there is room",
    () =>
      Effect.gen(function* () {
        const provider = yield* fakeOpenAi
        const env = {
          DATABASE_URL: Redacted.value(yield* newDatabase),
          API_KEY: KEY,
          OPENAI_BASE_URL: provider.url,
          WORKER_CONCURRENCY: "2",
          // What begins before that was not found by a sweep.
          SWEEP: "10 m"
        }
        const { behaviour, answer } = onCue(says("held"))
        provider.behave(behaviour)
        const api = yield* startApi(env)
        const workers = yield* Effect.all(
          Array.from({ length: 2 }, () => start("worker/main", { ...env, WORKER_PORT: "0" })),
          { concurrency: 2 }
        )
        for (const worker of workers) {
          const [, url] = yield* worker.says(/tells its state on (http:[^"]+)/)
          const { body } = yield* callerOf(url!)("GET", "/ready")
          assert.deepStrictEqual(body, { status: "ready", parts: { database: "ok", queue: "ok" } })
        }
        const call = callerOf(api.url)
        yield* greeting(call)

        const submitOne = Effect.map(submit(call), ({ body }) => body.execution_id as string)
        const six = yield* Effect.all(
          Array.from({ length: 6 }, () => submitOne),
          { concurrency: "unbounded" }
        )
        yield* until(Effect.sync(() => provider.calls.length === 6))
        const more = yield* Effect.all(
          Array.from({ length: 20 }, () => submitOne),
          { concurrency: "unbounded" }
        )
        answer()
        provider.behave(says("at once"))
        for (const execution_id of [...six, ...more]) {
          const { body } = yield* ended(call, execution_id)
          assert.include(body, { status: "succeeded", attempts: 1, lost_attempts: 0 })
        }
        assert.lengthOf(provider.calls, 26)

        const finished = ({ output }: { readonly output: () => string }) =>
          six.filter((id) => output().includes(`"execution_id":"${id}"`)).length
        yield* Effect.forEach([api, ...workers], (process) =>
          until(Effect.sync(() => finished(process) === 2))
        )
        for (const process of [api, ...workers]) assert.strictEqual(yield* process.stop(), 0)
      }),
    { timeout: 60_000 }
  )
})

describe("a process that is told to stop", () => {
  const busy = Effect.gen(function* () {
    const provider = yield* fakeOpenAi
    const { behaviour, answer } = onCue(says("to the end"))
    provider.behave(behaviour)
    const env = { DATA_DIR: yield* newFolder, API_KEY: KEY, OPENAI_BASE_URL: provider.url }
    const api = yield* startApi(env)
    const call = callerOf(api.url)
    yield* greeting(call)
    const { body: submitted } = yield* submit(call)
    yield* until(Effect.sync(() => provider.calls.length === 1))
    return { env, provider, answer, api, call, execution_id: submitted.execution_id as string }
  })

  it.live("answers until what is under way has ended, begins nothing, and says that it is not ready", () =>
    Effect.gen(function* () {
      const { env, provider, answer, api, call, execution_id } = yield* busy
      const stopped = yield* Effect.forkChild(api.stop())
      yield* api.says("stopping")
      const notReady = yield* call("GET", "/ready")
      assert.strictEqual(notReady.status, 503)
      assert.strictEqual(notReady.headers.get("retry-after"), "2")
      assert.deepStrictEqual(notReady.body, {
        status: "stopping",
        parts: { database: "ok", queue: "ok" }
      })
      const refused = yield* run(call)
      assert.strictEqual(refused.status, 503)
      assert.strictEqual(refused.headers.get("retry-after"), "2")
      const { status, body: accepted } = yield* submit(call)
      assert.strictEqual(status, 202)
      assert.lengthOf(provider.calls, 1)
      answer()
      assert.strictEqual(yield* Fiber.join(stopped), 0)

      provider.behave(says("later"))
      const second = callerOf((yield* startApi(env)).url)
      assert.include((yield* ended(second, execution_id)).body, { status: "succeeded", attempts: 1 })
      assert.include((yield* ended(second, accepted.execution_id)).body, {
        status: "succeeded",
        response_text: "later"
      })
      assert.lengthOf(provider.calls, 2)
    })
  )

  it.live("ends there and then when it is told twice", () =>
    Effect.gen(function* () {
      const { api } = yield* busy
      const stopped = yield* Effect.forkChild(api.stop())
      yield* api.says("stopping")
      assert.strictEqual(yield* api.stop("SIGINT"), 130)
      assert.strictEqual(yield* Fiber.join(stopped), 130)
    })
  )
})

describe("npm run admin", () => {
  const admin = (env: Record<string, string>, ...command: ReadonlyArray<string>) =>
    Effect.promise(
      () =>
        new Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }>(
          (resolve) => {
            const options = { cwd: ROOT, env: { ...process.env, ...env } }
            const child = execFile(
              "npm",
              ["run", "--silent", "admin", "--", ...command],
              options,
              (_, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr })
            )
          }
        )
    )

  it.live("manages projects and keys straight on the database, in JSON to a pipe", () =>
    Effect.gen(function* () {
      const env = { DATABASE_URL: Redacted.value(yield* newDatabase) }
      const created = yield* admin(env, "projects", "create", "team")
      assert.strictEqual(JSON.parse(created.stdout).name, "team")
      const issue = ["keys", "issue", "--project", "team", "--name", "ci", "--scope", "prompts:read"]
      const issued = JSON.parse((yield* admin(env, ...issue, "--expires", "2999-01-01")).stdout)
      assert.deepInclude(issued, { scopes: ["prompts:read"], expires_at: "2999-01-01T00:00:00.000Z" })

      const api = yield* startApi(env)
      const status = Effect.map(
        callerOf(api.url, issued.key)("GET", "/v1/prompts"),
        (answer) => answer.status
      )
      assert.strictEqual(yield* status, 200)
      assert.strictEqual((yield* admin(env, "keys", "revoke", issued.key_id)).code, 0)
      yield* until(Effect.map(Effect.delay(status, "100 millis"), (now) => now === 401))
      const listed = yield* admin(env, "keys", "list", "--project", "team")
      assert.isNotNull(JSON.parse(listed.stdout).revoked_at)
      assert.notInclude(listed.stdout, issued.key)
    })
  )

  it.live("says in one line what is wrong", () =>
    Effect.gen(function* () {
      const unreachable = { DATABASE_URL: "postgres://user:secret@127.0.0.1:1/db" }
      const nowhere = yield* admin(unreachable, "projects", "list")
      assert.strictEqual(nowhere.code, 1)
      assert.match(nowhere.stderr, /^The database at DATABASE_URL cannot be reached: [^\n]+\n$/)
      const issue = ["keys", "issue", "--project", "none", "--name", "ci", "--scope", "prompts:read"]
      const none = yield* admin({ DATA_DIR: "memory:" }, ...issue)
      assert.deepStrictEqual(none, { code: 1, stdout: "", stderr: "There is no project 'none'.\n" })
      const past = ["keys", "issue", "--name", "late", "--scope", "admin", "--expires", "2020-01-01"]
      const late = yield* admin({ DATA_DIR: "memory:" }, ...past)
      assert.deepStrictEqual(late, { code: 1, stdout: "", stderr: "--expires is in the past.\n" })
      for (const expires of ["2027-02-30", "1/2/2027", "2027-01-31T12:00"]) {
        const { code, stderr } = yield* admin({ DATA_DIR: "memory:" }, ...past.slice(0, -1), expires)
        assert.strictEqual(code, 1)
        assert.match(stderr, /^Invalid value for flag --expires: "[^"]+"\. Expected.+\n$/)
      }
    })
  )
})

describe("npm run demo", () => {
  it.live(
    "tells the whole story, in plain text to a pipe",
    () =>
      Effect.gen(function* () {
        const demo = yield* Effect.promise(() =>
          promisify(execFile)("npm", ["run", "--silent", "demo"], { cwd: ROOT })
        )
        assert.strictEqual(demo.stderr, "")
        for (let step = 1; step <= 10; step++) assert.include(demo.stdout, `${step}/10  `)
        assert.include(demo.stdout, "400: These variables are missing: name, place.")
        assert.match(demo.stdout, /run: (\S+)\n\s+replayed: \1\n/)
        // oxlint-disable-next-line no-control-regex
        assert.notMatch(demo.stdout, /\x1b/)
      }),
    { timeout: 120_000 }
  )
})

describe("a start that can't be", () => {
  it.live("says everything that is wrong, and nothing else", () =>
    Effect.gen(function* () {
      const api = yield* start("http/main", {
        PORT: "nope",
        DATABASE_URL: "mysql://secret",
        REDIS_URL: "redis://x"
      })
      assert.strictEqual(yield* api.ended, 1)
      assert.match(api.output(), /^The configuration is not usable:\n {2}PORT: .+\n {2}DATABASE_URL: .+\n$/)
      const worker = yield* start("worker/main", {})
      assert.strictEqual(yield* worker.ended, 1)
      assert.match(worker.output(), /^The configuration is not usable:\n {2}DATABASE_URL: .+\n$/)
      const exporting = yield* start("http/main", {
        DATA_DIR: "memory:",
        OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_TIMEOUT: "soon"
      })
      assert.strictEqual(yield* exporting.ended, 1)
      assert.match(
        exporting.output(),
        /^The configuration is not usable:\n {2}OTEL_EXPORTER_OTLP_TIMEOUT: .+\n$/
      )
    })
  )

  it.live("says in one line what can't be reached, and no secret", () =>
    Effect.gen(function* () {
      const provider = yield* fakeOpenAi
      const { port } = new URL(provider.url)
      const none = yield* start("worker/main", { DATABASE_URL: "postgres://user:secret@127.0.0.1:1/db" })
      assert.strictEqual(yield* none.ended, 1)
      assert.match(
        none.output(),
        /^The database at DATABASE_URL cannot be reached: connect ECONNREFUSED [^\n]+\n$/
      )
      assert.notInclude(none.output(), "secret")
      const url = new URL(Redacted.value(yield* newDatabase))
      url.pathname = "/nowhere"
      const missing = yield* start("cli/rebuild", { DATABASE_URL: url.href })
      assert.strictEqual(yield* missing.ended, 1)
      assert.strictEqual(
        missing.output(),
        'The database at DATABASE_URL cannot be reached: database "nowhere" does not exist\n'
      )
      const taken = yield* start("http/main", {
        PORT: port,
        DATA_DIR: "memory:",
        API_KEY: KEY,
        LOG_LEVEL: "error"
      })
      assert.strictEqual(yield* taken.ended, 1)
      assert.match(taken.output(), /^HOST and PORT cannot be used: listen EADDRINUSE: [^\n]+\n$/)
      const worker = yield* start("worker/main", {
        WORKER_PORT: port,
        DATABASE_URL: Redacted.value(yield* newDatabase),
        LOG_LEVEL: "error"
      })
      assert.strictEqual(yield* worker.ended, 1)
      assert.match(
        worker.output(),
        /^The configuration is not usable:\n {2}HOST, WORKER_PORT: listen EADDRINUSE: [^\n]+\n$/
      )
    })
  )
})

describe("a command that the database fails", () => {
  /** A ledger of three executions, and what a command says over it when a statement meets what is put in its way. */
  const failing = Effect.gen(function* () {
    const url = yield* newDatabase
    const env = { DATABASE_URL: Redacted.value(url), API_KEY: KEY }
    const api = yield* startApi(env)
    const call = callerOf(api.url)
    yield* greeting(call)
    for (let count = 0; count < 3; count++) yield* run(call)
    assert.strictEqual(yield* api.stop(), 0)
    const { write: sql } = Context.get(yield* Layer.build(Layer.fresh(Database.layer({ url }))), Database)
    yield* sql`ALTER TABLE executions DISABLE TRIGGER USER`
    yield* sql`UPDATE executions SET completed_at = completed_at - interval '2 hours'`
    yield* sql`ALTER TABLE executions ENABLE TRIGGER USER`
    return Effect.fnUntraced(function* (
      [event, action]: readonly [string, string],
      command: "cli/rebuild" | "cli/retention",
      ...args: ReadonlyArray<string>
    ) {
      yield* sql.unsafe(`
        CREATE OR REPLACE FUNCTION in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${action}; RETURN NULL; END $$`)
      yield* sql.unsafe(
        `CREATE TRIGGER in_the_way BEFORE ${event} FOR EACH STATEMENT EXECUTE FUNCTION in_the_way()`
      )
      const failed = yield* start(command, { ...env, LOG_LEVEL: "error" }, ...args)
      assert.strictEqual(yield* failed.ended, 1)
      yield* sql.unsafe(`DROP TRIGGER in_the_way ON ${event.split(" ").at(-1)}`)
      return failed.output()
    })
  })
  const REFUSAL = "RAISE 'permission denied for what it wants' USING ERRCODE = '42501'"
  const TIMEOUT = "RAISE 'canceling statement due to statement timeout' USING ERRCODE = '57014'"
  const END = "PERFORM pg_terminate_backend(pg_backend_pid())"

  it.live("says in one line what the server said", () =>
    Effect.gen(function* () {
      const said = yield* failing
      assert.match(
        yield* said(["DELETE ON execution_rollups", END], "cli/rebuild"),
        /^The database failed: [^\n]*closed[^\n]*\n$/
      )
      assert.strictEqual(
        yield* said(["DELETE ON execution_rollups", TIMEOUT], "cli/rebuild"),
        "The database failed: canceling statement due to statement timeout\n"
      )
      assert.match(
        yield* said(["INSERT ON execution_rollups", REFUSAL], "cli/rebuild"),
        /^The database refused a statement: \w+, SQLSTATE 42501: permission denied for what it wants\n$/
      )
    })
  )

  it.live("says what retention dropped before", () =>
    Effect.gen(function* () {
      const said = yield* failing
      const output = yield* said(
        ["UPDATE ON executions", REFUSAL],
        "cli/retention",
        "--bodies=1h",
        "--executions=1h"
      )
      assert.match(
        output,
        /"executions":3,"bodies":0.*\nThe database refused a statement: [^\n]+permission denied[^\n]+\n$/
      )
    })
  )
})

describe("retention, as a command", () => {
  it.live("counts or drops what is older than it is told, and says how much", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      const env = { DATABASE_URL: Redacted.value(url), API_KEY: KEY }
      const api = yield* startApi(env)
      const call = callerOf(api.url)
      yield* greeting(call)
      const ids = [yield* run(call), yield* run(call), yield* run(call)].map(({ body }) => body.execution_id)
      assert.strictEqual(yield* api.stop(), 0)
      yield* Effect.gen(function* () {
        const { write: sql } = yield* Database
        yield* sql`ALTER TABLE executions DISABLE TRIGGER USER`
        for (const [index, days] of [10, 100].entries()) {
          yield* sql`
            UPDATE executions SET completed_at = completed_at - ${days} * interval '1 day'
            WHERE execution_id = ${ids[index]}`
        }
        yield* sql`ALTER TABLE executions ENABLE TRIGGER USER`
      }).pipe(Effect.provide(Database.layer({ url })))

      const told = Effect.fnUntraced(function* (
        more: Record<string, string>,
        ...args: ReadonlyArray<string>
      ) {
        const command = yield* start("cli/retention", { ...env, ...more }, ...args)
        return [yield* command.ended, command.output()] as const
      })
      const bounds = ["--bodies", "7 days", "--executions", "90d"]
      const [code, counted] = yield* told({}, ...bounds, "--dry-run")
      assert.strictEqual(code, 0, counted)
      assert.strictEqual(counted, '{"executions":1,"bodies":1,"dry_run":true}\n')
      assert.deepStrictEqual(yield* told({ RETAIN_EXECUTIONS: "1 h" }, ...bounds), [
        0,
        '{"executions":1,"bodies":1,"dry_run":false}\n'
      ])
      assert.deepStrictEqual(yield* told({ RETAIN_EXECUTIONS: "240 hours" }), [
        0,
        '{"executions":1,"bodies":0,"dry_run":false}\n'
      ])
      for (const [args, fault] of [
        [[], "--bodies, --executions: Expected one of them"],
        [["--bodies", "90"], "Expected an age like 90 days"],
        [["--bodies", "2d", "--executions", "1d"], "--executions: Expected at least --bodies"]
      ] as const) {
        const [refused, output] = yield* told({}, ...args)
        assert.strictEqual(refused, 1)
        assert.include(output, fault)
      }

      const again = yield* startApi(env)
      const { body } = yield* callerOf(again.url)("GET", "/v1/executions")
      assert.deepStrictEqual(
        body.executions.map(({ execution_id }: Record<string, string>) => execution_id),
        ids.slice(2)
      )
      const { body: figures } = yield* callerOf(again.url)("GET", "/v1/analytics/prompts")
      assert.strictEqual(figures.summary.total_executions, 3)
    })
  )
})
