import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { DEFAULT_PROJECT_ID, Executions, makeProviderError, PromptLedger, Prompts } from "../../src/index.ts"
import type { Provider } from "../../src/index.ts"

const textOf = (file: string) => readFileSync(join(import.meta.dirname, "../..", file), "utf8")

/** The README's code, by the file that it is from. */
const snippets = Object.fromEntries(
  Array.from(
    textOf("README.md").matchAll(/<!-- (\S+\.ts) -->\n\n```ts\n(.*?)```/gs),
    ([, file, code]) => [file!, code!] as const
  )
)

// The README's test.
const busy: Provider = {
  name: "openai",
  complete: () => Stream.fail(makeProviderError({ reason: "server_error", detail: "busy" }))
}
const ledger = PromptLedger.layerMemory({ providers: [busy], settings: { drain: Duration.zero } })

it.effect("gives up after 5 s, 30 s and 2 minutes", () =>
  Effect.gen(function* () {
    const { upsert } = yield* Prompts
    const { get, submit } = yield* Executions
    yield* upsert(DEFAULT_PROJECT_ID, "greeting", { template_source: "Hello" })
    const { execution_id } = yield* submit(DEFAULT_PROJECT_ID, "full", {
      prompt_name: "greeting",
      variables: {}
    })
    const ended = yield* Effect.forkChild(get(DEFAULT_PROJECT_ID, execution_id, Duration.minutes(3)))
    yield* TestClock.adjust("3 minutes")
    const { status, attempts } = yield* Fiber.join(ended)
    assert.deepStrictEqual({ status, attempts }, { status: "failed", attempts: 4 })
  }).pipe(Effect.provide(ledger))
)

describe("the README's code", () => {
  it("is that of the examples", () => {
    for (const file of ["examples/library.ts", "examples/server.ts"]) {
      assert.strictEqual(snippets[file], textOf(file))
    }
    assert.include(textOf("test/docs/library.test.ts"), snippets["test/docs/library.test.ts"]!)
  })
})
