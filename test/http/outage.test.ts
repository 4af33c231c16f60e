import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer, Redacted } from "effect"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { apiOver, call, Logs } from "../support/api.ts"
import { newDatabase } from "../support/database.ts"
import { newName } from "../support/ledger.ts"
import { proxyTo, through } from "../support/proxy.ts"
import type { Proxy } from "../support/proxy.ts"
import { until } from "../support/service.ts"

class DatabaseProxy extends Context.Service<DatabaseProxy, Proxy>()("test/DatabaseProxy") {}

/** The API over a PostgreSQL that can be taken away. */
const service = Layer.unwrap(
  Effect.gen(function* () {
    const url = Redacted.value(yield* newDatabase)
    const proxy = yield* proxyTo(url)
    return PromptLedger.layerPostgres({ url: Redacted.make(through(proxy, url)) }).pipe(
      Layer.provideMerge(Layer.succeed(DatabaseProxy, proxy))
    )
  })
)

const model = { provider: "echo", model_name: "echo" }

layer(apiOver(service), { timeout: "60 seconds", excludeTestServices: true })(
  "without its database",
  (it) => {
    it.effect.each(["cut", "blackHole"] as const)(
      "the service says so with 503 within its time, and answers again when it is back: %s",
      (outage) =>
        Effect.gen(function* () {
          const proxy = yield* DatabaseProxy
          const name = newName()
          const start = { body: { prompt_name: name, variables: {}, model } }
          yield* call("PUT", `/v1/prompts/${name}`, { body: { template_source: "x" } })

          yield* proxy[outage]
          const asked = [
            ["GET", "/v1/prompts", {}],
            ["GET", `/v1/prompts/${name}`, {}],
            ["PUT", `/v1/prompts/${name}`, { body: { template_source: "y" } }],
            [
              "POST",
              "/v1/prompts/register-code",
              { body: { prompts: [{ name: "z", template_source: "z" }] } }
            ],
            ["POST", "/v1/executions:run", start],
            ["POST", "/v1/executions:submit", start],
            ["GET", "/v1/executions", {}],
            ["GET", "/v1/prompts", { headers: { "x-api-key": "a key that nobody looked up yet" } }],
            ["GET", "/v1/analytics/prompts", {}]
          ] as const
          const answers = yield* Effect.forEach(
            asked,
            ([method, path, options]) => call(method, path, options),
            {
              concurrency: "unbounded"
            }
          )
          answers.forEach(({ status, headers, body }, index) => {
            assert.strictEqual(status, 503, asked[index]!.slice(0, 2).join(" "))
            assert.deepInclude(body, { code: "ServiceUnavailable", status: 503 })
            assert.strictEqual(headers.get("content-type"), "application/problem+json")
            assert.strictEqual(headers.get("retry-after"), String(body.retry_after))
            assert.notMatch(JSON.stringify(body), /ECONN|sql|postgres/i)
          })
          const told = (yield* Logs).splice(0).filter((line) => line.includes("answered with 503"))
          assert.isNotEmpty(told)
          assert.isBelow(told.length, answers.length / 2)
          for (const line of told) {
            const { message, cause } = JSON.parse(line)
            assert.match(message, /^a request was answered with 503: the database is unavailable: ./)
            assert.isUndefined(cause)
          }
          assert.strictEqual((yield* call("GET", "/health")).status, 200)
          const notReady = yield* call("GET", "/ready")
          assert.strictEqual(notReady.status, 503)
          assert.deepStrictEqual(notReady.body, {
            status: "unavailable",
            parts: { database: "unavailable", queue: "unavailable" }
          })

          const metrics = yield* call("GET", "/metrics")
          assert.strictEqual(metrics.status, 200)
          assert.match(metrics.body, /^promptledger_queue_depth NaN$/m)
          assert.match(metrics.body, /^promptledger_database_failures_total\{pool="read"\} [1-9]/m)

          yield* proxy.restore
          yield* until(Effect.map(call("GET", "/ready"), ({ status }) => status === 200))
          assert.strictEqual(
            (yield* call("GET", `/v1/prompts/${name}`)).body.active_version.template_source,
            "x"
          )
          assert.strictEqual((yield* call("POST", "/v1/executions:run", start)).status, 200)
        })
    )

    it.effect("is not ready while its database has no room to write", () =>
      Effect.gen(function* () {
        const { write } = yield* Database
        const name = newName()
        yield* call("PUT", `/v1/prompts/${name}`, { body: { template_source: "x" } })
        yield* write`
          CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$`
        yield* write`CREATE TRIGGER disk_full BEFORE INSERT ON executions EXECUTE FUNCTION disk_full()`
        const submit = call("POST", "/v1/executions:submit", {
          body: { prompt_name: name, variables: {}, model }
        })
        assert.strictEqual((yield* submit).status, 503)
        const { status, body } = yield* call("GET", "/ready")
        assert.strictEqual(status, 503)
        assert.strictEqual(body.parts.database, "unavailable")
        yield* write`DROP FUNCTION disk_full CASCADE`
        assert.strictEqual((yield* submit).status, 202)
        yield* until(Effect.map(call("GET", "/ready"), (ready) => ready.status === 200))
      })
    )
  }
)
