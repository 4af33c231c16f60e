import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { apiLayer, call } from "../support/api.ts"
import { fails, says } from "../support/fakeOpenAi.ts"
import { newName } from "../support/ledger.ts"
import { Provider } from "../support/service.ts"

const OPENAI = { provider: "openai", model_name: "gpt-4o-mini" }
const ECHO = { provider: "echo", model_name: "echo" }
const MS = ["avg_latency_ms", "p50_latency_ms", "p90_latency_ms", "p95_latency_ms", "p99_latency_ms"]

const put = (name: string, template_source: string) =>
  call("PUT", `/v1/prompts/${name}`, { body: { template_source } })
const run = (prompt_name: string, more: object = {}) =>
  call("POST", "/v1/executions:run", { body: { prompt_name, variables: {}, model: OPENAI, ...more } })
const analytics = (query: string) => call("GET", `/v1/analytics/prompts?${query}`)

/** A prompt of two versions: the first succeeded twice and failed once, the second succeeded by another model. */
const history = Effect.gen(function* () {
  const provider = yield* Provider
  provider.forget()
  const name = newName()
  yield* put(name, "one")
  provider.behave(says("Hi"))
  yield* run(name)
  yield* run(name, { environment: "prod" })
  provider.behave(fails(400))
  yield* run(name)
  yield* put(name, "two")
  yield* run(name, { model: ECHO })
  return name
})

layer(apiLayer, { timeout: "60 seconds", excludeTestServices: true })("analytics over HTTP", (it) => {
  describe("GET /v1/analytics/prompts", () => {
    it.effect("tells rates, errors by type, percentiles and cost beside the counts", () =>
      Effect.gen(function* () {
        const name = yield* history
        const { body } = yield* analytics(`prompt_name=${name}`)
        assert.hasAllKeys(body, ["summary", "by_mode"])
        for (const figures of [body.summary, body.by_mode.full]) {
          assert.deepInclude(figures, {
            succeeded: 3,
            failed: 1,
            canceled: 0,
            error_rate: 0.25,
            errors: [{ error_type: "provider_rejected", count: 1, rate: 0.25 }],
            // No price of OpenAI's model is known.
            cost_usd: null
          })
          for (const latency of MS) assert.isNumber(figures[latency])
        }
        assert.deepInclude(body.by_mode.tracking, { execution_count: 0, error_rate: null, cost_usd: 0 })
        const { body: echoed } = yield* analytics(`prompt_name=${name}&from=2100-01-01T00:00:00Z`)
        assert.strictEqual(echoed.summary.total_executions, 0)
      })
    )

    it.effect.each([
      ["prompt", (name: string) => [{ prompt_name: name, execution_count: 4 }]],
      [
        "version",
        (name: string) => [
          { prompt_name: name, version_number: 1, execution_count: 3, failed: 1 },
          { prompt_name: name, version_number: 2, execution_count: 1, failed: 0 }
        ]
      ],
      [
        "model",
        () => [
          { ...ECHO, execution_count: 1, cost_usd: 0 },
          { ...OPENAI, execution_count: 3, cost_usd: null }
        ]
      ],
      [
        "environment",
        () => [
          { environment: "dev", execution_count: 3 },
          { environment: "prod", execution_count: 1 }
        ]
      ]
    ] as const)("groups by %s, page by page", ([group_by, expected]) =>
      Effect.gen(function* () {
        const name = yield* history
        const of = (query: string) => analytics(`prompt_name=${name}&group_by=${group_by}&${query}`)
        const { body } = yield* of("")
        assert.strictEqual(body.summary.total_executions, 4)
        assert.isNull(body.next_cursor)
        const groups = expected(name)
        assert.lengthOf(body.groups, groups.length)
        for (const [index, group] of groups.entries()) assert.include(body.groups[index], group)
        const { body: first } = yield* of("limit=1")
        assert.deepStrictEqual(first.groups, body.groups.slice(0, 1))
        if (group_by === "prompt") return assert.isNull(first.next_cursor)
        const { body: second } = yield* of(`limit=1&cursor=${first.next_cursor}`)
        assert.deepStrictEqual(second.groups, body.groups.slice(1))
        assert.isNull(second.next_cursor)
      })
    )

    it.effect("tells the hour and the day by their start", () =>
      Effect.gen(function* () {
        const name = yield* history
        const { body: created } = yield* call("GET", `/v1/executions?prompt_name=${name}&limit=1`)
        const instant = created.executions[0].created_at
        for (const [group_by, length, rest] of [
          ["hour", "2026-01-01T00".length, ":00:00.000Z"],
          ["day", "2026-01-01".length, "T00:00:00.000Z"]
        ] as const) {
          const { body } = yield* analytics(`prompt_name=${name}&group_by=${group_by}`)
          assert.strictEqual(body.groups[0].period, instant.slice(0, length) + rest)
        }
      })
    )

    it.effect("refuses a limit where there are no groups to page through", () =>
      Effect.gen(function* () {
        const { status, body } = yield* analytics("limit=10")
        assert.strictEqual(status, 400)
        assert.strictEqual(body.detail, "query.limit: Expected group_by beside it")
      })
    )

    it.effect("refuses groups that it does not know, and cursors of other groups", () =>
      Effect.gen(function* () {
        const name = yield* history
        assert.strictEqual((yield* analytics("group_by=owner")).status, 400)
        const { body } = yield* analytics(`prompt_name=${name}&group_by=version&limit=1`)
        for (const query of ["group_by=prompt", "mode=all"]) {
          const refused = yield* analytics(`${query}&cursor=${body.next_cursor}`)
          assert.strictEqual(refused.status, 400)
          assert.deepStrictEqual(refused.body.errors[0].path, ["query", "cursor"])
        }
        const forged = Buffer.from(JSON.stringify({ group_by: "hour", period: "never" })).toString(
          "base64url"
        )
        assert.strictEqual((yield* analytics(`group_by=hour&cursor=${forged}`)).status, 400)
      })
    )
  })

  describe("GET /v1/prompts/{name}/analytics", () => {
    it.effect("compares the versions side by side, newest first, also those that were never run", () =>
      Effect.gen(function* () {
        const name = yield* history
        yield* put(name, "three")
        const { status, body } = yield* call("GET", `/v1/prompts/${name}/analytics`)
        assert.strictEqual(status, 200)
        assert.include(body, { prompt_name: name, mode: "full", current_version: 3, next_cursor: null })
        const told = body.versions.map((row: Record<string, unknown>) => [
          row["version"],
          row["status"],
          row["execution_count"],
          row["error_rate"]
        ])
        assert.deepStrictEqual(told, [
          [3, "active", 0, null],
          [2, "deprecated", 1, 0],
          [1, "deprecated", 3, 1 / 3]
        ])
        assert.isNumber(body.versions[1].p95_latency_ms)
        assert.isNull(body.versions[0].p95_latency_ms)

        const { body: page } = yield* call("GET", `/v1/prompts/${name}/analytics?limit=2`)
        assert.deepStrictEqual(page.versions, body.versions.slice(0, 2))
        const next = `/v1/prompts/${name}/analytics?environment=prod&cursor=${page.next_cursor}`
        const { body: rest } = yield* call("GET", next)
        assert.deepInclude(rest.versions[0], { version: 1, execution_count: 1, error_rate: 0 })
        assert.isNull(rest.next_cursor)
        const since = "?from=2100-01-01T00:00:00Z"
        const { body: none } = yield* call("GET", `/v1/prompts/${name}/analytics${since}`)
        assert.strictEqual(none.versions[2].execution_count, 0)
      })
    )

    it.effect("knows no prompt that is not there", () =>
      Effect.gen(function* () {
        const { status, body } = yield* call("GET", `/v1/prompts/${newName()}/analytics`)
        assert.strictEqual(status, 404)
        assert.strictEqual(body.code, "PromptNotFound")
      })
    )
  })
})
