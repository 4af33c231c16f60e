import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { ProviderFailure } from "../../src/domain/providerError.ts"
import * as templateErrors from "../../src/domain/template/errors.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { Analytics } from "../../src/services/Analytics.ts"
import { Executions } from "../../src/services/Executions.ts"
import { scenarios } from "../faults/scenarios/index.ts"
import { fails, says } from "../support/fakeOpenAi.ts"
import { PROJECT } from "../support/ledger.ts"
import { Provider, request, serviceLayer, upsert } from "../support/service.ts"

const textOf = (file: string) => readFileSync(join(import.meta.dirname, "../..", file), "utf8")
const page = textOf("docs/operations.md")
const chapter = (title: string) => page.split(`\n## ${title}\n`)[1]!.split("\n## ")[0]!
const sqlOf = (text: string) => /```sql\n([^`]*)```/.exec(text)![1]!

/** The first cells of a chapter's tables, without their heads. */
const firstCells = (title: string) =>
  Array.from(chapter(title).matchAll(/^\| ([^|]*)\|(?!.*\n\| ?-)/gm), ([, cell]) => cell!.trim()).filter(
    (cell) => !/^-+$/.test(cell)
  )

layer(serviceLayer, { timeout: "60 seconds" })("docs/operations.md", (it) => {
  it("numbers its faults as the scenarios are, and leaves none out", () => {
    const numbers = firstCells("Fault by fault").flatMap((cell) => cell.split(", "))
    const [, embedded] = /^const NUMBER = (\d+)$/m.exec(textOf("test/faults/embedded.test.ts"))!
    assert.sameMembers(
      [...new Set(numbers.filter((number) => number !== ""))],
      [...new Set([...scenarios.map(({ number }) => String(number)), embedded!])]
    )
  })

  it("explains every type of error", () => {
    const listed = firstCells("Error types").flatMap((cell) =>
      Array.from(cell.matchAll(/`(\w+)`/g), ([, type]) => type!)
    )
    const stored = ["worker_lost", "truncated", "replaced"]
    const statements = textOf("src/layers/postgres/ExecutionStoreSql.ts")
    for (const type of stored) assert.match(statements, new RegExp(`['"]${type}['"]`))
    assert.include(textOf("src/services/Executor.ts"), `Data.TaggedError("RenderingChanged")`)
    assert.sameMembers(listed, [
      ...ProviderFailure.literals.map((reason) => `provider_${reason}`),
      ...stored,
      "RenderingChanged",
      ...Object.keys(templateErrors)
    ])
  })

  it.effect("sets a model's prices by its statement, for executions of the past too", () =>
    Effect.gen(function* () {
      const provider = yield* Provider
      provider.behave(says("Hi"))
      yield* upsert("priced", "Hello {{ name }}!")
      const executions = yield* Executions
      const { telemetry } = yield* executions.run(PROJECT, "full", request("priced"))
      const cost = Analytics.use((analytics) =>
        Effect.map(analytics.prompts(PROJECT, { prompt_name: "priced" }), ({ summary }) => summary.cost_usd)
      )
      assert.isNull(yield* cost)
      yield* Database.use(({ write }) => write.unsafe(sqlOf(chapter("Prices"))))
      const expected = (telemetry.prompt_tokens! * 0.15 + telemetry.response_tokens! * 0.6) / 1_000_000
      assert.isAbove(expected, 0)
      assert.strictEqual(yield* cost, expected)
    })
  )

  it.effect("finds executions by their type of error by its statement", () =>
    Effect.gen(function* () {
      const provider = yield* Provider
      provider.behave(fails(400))
      yield* upsert("rejected", "Hello {{ name }}!")
      const executions = yield* Executions
      const failed = yield* Effect.flip(executions.run(PROJECT, "full", request("rejected")))
      assert(failed._tag === "ExecutionFailed")
      const search = sqlOf(chapter("Error types")).replace("worker_lost", failed.error_type)
      const rows = yield* Database.use(({ read }) => read.unsafe<{ execution_id: string }>(search))
      assert.deepStrictEqual(
        rows.map(({ execution_id }) => execution_id),
        [failed.execution_id]
      )
    })
  )
})
