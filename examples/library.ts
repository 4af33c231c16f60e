import { Effect } from "effect"
import { DEFAULT_PROJECT_ID, Executions, PromptLedger, Prompts } from "promptledger"

const program = Effect.gen(function* () {
  const prompts = yield* Prompts
  const executions = yield* Executions

  yield* prompts.upsert(DEFAULT_PROJECT_ID, "greeting", { template_source: "Hello {{ name }}!" })
  const execution = yield* executions.run(DEFAULT_PROJECT_ID, "full", {
    prompt_name: "greeting",
    variables: { name: "Ada" },
    model: { provider: "echo", model_name: "echo" }
  })
  yield* Effect.log(execution.response_text)
})

Effect.runPromise(Effect.provide(program, PromptLedger.layerMemory()))
