import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Analytics } from "../../src/services/Analytics.ts"
import { Executions } from "../../src/services/Executions.ts"
import { Prompts } from "../../src/services/Prompts.ts"
import { newName, PROJECT } from "../support/ledger.ts"
import { upsert } from "../support/service.ts"

const page = { limit: 1 }

layer(PromptLedger.layerMemory(), { timeout: "60 seconds" })("A filter", (it) => {
  it.effect("that breaks the rules of a field is refused, by every list and by analytics", () =>
    Effect.gen(function* () {
      const analytics = yield* Analytics
      const executions = yield* Executions
      const prompts = yield* Prompts
      const name = newName()
      yield* upsert(name, "x")
      const faulty = {
        mode: "neither" as "full",
        owner_team: "a\0",
        search: "\ud800",
        prompt_name: "a b",
        environment: "a\0",
        correlation_id: "\0",
        status: "lost" as "failed",
        from: new Date(Number.NaN),
        to: new Date(8.64e15)
      }
      const ofAnalytics = ["mode", "prompt_name", "environment", "from", "to"]
      for (const [asked, fields] of [
        [prompts.list(PROJECT, faulty, page), ["mode", "owner_team", "search"]],
        [
          executions.list(PROJECT, faulty, page),
          ["prompt_name", "status", "environment", "correlation_id", "from", "to"]
        ],
        [executions.list(PROJECT, { version_number: 1 }, page), ["version_number"]],
        [analytics.prompts(PROJECT, faulty), ofAnalytics],
        [analytics.groups(PROJECT, faulty, "prompt", page), ofAnalytics],
        [analytics.versions(PROJECT, name, { environment: "a\0" }, page), ["environment"]]
      ] as const) {
        const refused = yield* Effect.flip<unknown, Effect.Error<typeof asked>, never>(asked)
        assert(refused._tag === "InvalidRequest")
        assert.deepStrictEqual(
          refused.errors.map(({ path }) => path.join(".")),
          fields
        )
      }
    })
  )
})
