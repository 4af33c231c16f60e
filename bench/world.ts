import { Effect } from "effect"
import { makeGround } from "./ground.ts"
import { startServer } from "./processes.ts"
import { ask } from "./send.ts"

/** What the service is measured with: an API over its ground, and the bare framework; all of it ends with the scope. */
export const makeWorld = Effect.gen(function* () {
  const ground = yield* makeGround
  const { requests, startLedger } = ground

  const api = yield* startLedger()
  yield* ask(api.requests.put)
  yield* ask(api.requests.register)

  const { execution_id } = yield* ask(api.requests.run)
  const framework = yield* startServer("limits/framework.ts", {
    PROMPT: JSON.stringify(yield* ask(api.requests.read)),
    EXECUTION: JSON.stringify(yield* ask(api.requests.poll(execution_id)))
  })

  return {
    ...ground,
    api,
    /** An `HttpApi` that answers with the same bodies, with nothing behind it. */
    framework: { pid: framework.pid, requests: requests(framework.url) }
  }
})

export type World = Effect.Success<typeof makeWorld>
