import { Context, Effect, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import type { ExecutionStatus } from "../../src/domain/Execution.ts"
import type { ExecutionId } from "../../src/domain/Ids.ts"
import type { ExecutionRequest } from "../../src/domain/requests.ts"
import { openAiProvider } from "../../src/layers/openai/OpenAiProvider.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { Prompts } from "../../src/services/Prompts.ts"
import { fakeOpenAi } from "./fakeOpenAi.ts"
import { PROJECT } from "./ledger.ts"

/** The stand-in that the service calls. */
export class Provider extends Context.Service<Provider, Effect.Success<typeof fakeOpenAi>>()(
  "test/Provider"
) {
  static readonly layer = Layer.effect(Provider, fakeOpenAi)
}

/** The OpenAI provider with the stand-in at its other end. */
export const openAiOf = ({ url }: Provider["Service"]) =>
  openAiProvider({ apiKey: undefined, baseUrl: url, api: "chat_completions" })

/** The whole service in memory, worker and all, with the stand-in for OpenAI. */
export const serviceLayer = Layer.unwrap(
  Effect.map(Provider, (provider) => PromptLedger.layerMemory({ providers: [openAiOf(provider)] }))
).pipe(Layer.provideMerge(Provider.layer))

export const upsert = (name: string, template_source: string, set_active = true) =>
  Prompts.use((prompts) => prompts.upsert(PROJECT, name, { template_source, set_active }))

export const register = (name: string, template_source: string) =>
  Prompts.use((prompts) => prompts.register(PROJECT, [{ name, template_source }]))

export const request = (prompt_name: string, more: Partial<ExecutionRequest> = {}): ExecutionRequest => ({
  prompt_name,
  variables: { name: "Ada" },
  model: { provider: "openai", model_name: "gpt-4o-mini" },
  ...more
})

/** One turn of the event loop: lets sockets and the database in this process get on. */
export const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

/** Waits, in no time of the test's clock, until something holds. */
export const until = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  turn.pipe(Effect.andThen(condition), Effect.repeat({ until: (holds) => holds }), Effect.asVoid)

export const statusOf = (execution_id: ExecutionId) =>
  ExecutionStore.use((store) => Effect.map(store.status(PROJECT, execution_id), Option.getOrThrow))

export const untilStatus = (execution_id: ExecutionId, status: ExecutionStatus) =>
  until(Effect.map(statusOf(execution_id), (current) => current === status))

export const lineageOf = (execution_id: ExecutionId) =>
  ExecutionStore.use((store) => Effect.map(store.lineage(PROJECT, execution_id), Option.getOrThrow))

/** Moves the clock on in small steps, with turns between them, so that what a step starts can begin to wait. */
export const pass = (seconds: number) =>
  Effect.gen(function* () {
    for (let second = 0; second < seconds; second++) {
      yield* TestClock.adjust("1 second")
      for (let turns = 0; turns < 5; turns++) yield* turn
    }
  })
