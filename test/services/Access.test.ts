import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { CONFIGURED_KEY } from "../../src/domain/Access.ts"
import type { Principal } from "../../src/domain/Access.ts"
import { KeyId } from "../../src/domain/Ids.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Access } from "../../src/services/Access.ts"
import { PROJECT } from "../support/ledger.ts"

const admin: Principal = {
  key_id: KeyId.make("00000000-0000-7000-8000-00000000000a"),
  project_id: PROJECT,
  scopes: ["admin"]
}

layer(PromptLedger.layerMemory(), { timeout: "60 seconds" })("Access", (it) => {
  it.effect("refuses what no project and no key may be called, and a key that opens nothing", () =>
    Effect.gen(function* () {
      const { createProject, issue, keys } = yield* Access
      for (const name of ["", "a b", "a\0"]) {
        assert.strictEqual((yield* Effect.flip(createProject(admin, name)))._tag, "InvalidRequest")
      }
      const scopes = ["prompts:read"] as const
      for (const request of [
        { name: "a\0", scopes },
        { name: CONFIGURED_KEY, scopes },
        { name: "nothing", scopes: [] },
        { name: "never", scopes, expires_at: new Date(Number.NaN) }
      ]) {
        const refused = yield* Effect.flip(issue(admin, PROJECT, request))
        assert.strictEqual(refused._tag, "InvalidRequest", request.name)
      }
      assert.deepStrictEqual((yield* keys(admin, PROJECT, { limit: 10 })).items, [])
    })
  )
})
