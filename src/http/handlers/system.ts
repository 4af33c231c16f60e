import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Health } from "../../services/Health.ts"
import { Metrics } from "../../services/Metrics.ts"
import { Api } from "../api/Api.ts"
import { WorkerApi } from "../api/WorkerApi.ts"

const answers = Effect.gen(function* () {
  const { ready } = yield* Health
  const { exposition } = yield* Metrics
  return {
    health: () => Effect.succeed({ status: "ok" as const }),
    ready: () => ready,
    metrics: () => exposition
  }
})

export const layer = HttpApiBuilder.group(Api, "system", (handlers) =>
  Effect.map(answers, (all) => handlers.handleAll(all))
)

/** The same answers, of a worker. */
export const worker = HttpApiBuilder.group(WorkerApi, "system", (handlers) =>
  Effect.map(answers, (all) => handlers.handleAll(all))
)
