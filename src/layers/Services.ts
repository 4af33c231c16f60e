import { Layer } from "effect"
import { Access } from "../services/Access.ts"
import { Analytics } from "../services/Analytics.ts"
import { Authentication } from "../services/Authentication.ts"
import { Dispatcher } from "../services/Dispatcher.ts"
import { Executions } from "../services/Executions.ts"
import { Executor } from "../services/Executor.ts"
import { Health } from "../services/Health.ts"
import { Leases } from "../services/Leases.ts"
import { Lifecycle } from "../services/Lifecycle.ts"
import { Metrics } from "../services/Metrics.ts"
import { PromptCache } from "../services/PromptCache.ts"
import { Prompts } from "../services/Prompts.ts"
import { RateLimit } from "../services/RateLimit.ts"
import { Retention } from "../services/Retention.ts"
import { Rollups } from "../services/Rollups.ts"
import { Sweeper } from "../services/Sweeper.ts"
import { Templates } from "../services/Templates.ts"

/** Every use case, over the ports that it is given: stores, queue and providers. */
export const layerServices = Layer.mergeAll(
  Access.layer,
  Analytics.layer,
  Executions.layer,
  Health.layer,
  Metrics.layer,
  Prompts.layer,
  Retention.layer,
  Rollups.layer,
  Sweeper.layer
).pipe(
  Layer.provideMerge(Layer.mergeAll(Authentication.layer, Executor.layer, RateLimit.layer)),
  Layer.provideMerge(
    Layer.mergeAll(Dispatcher.layer, Leases.layer, Lifecycle.layer, PromptCache.layer, Templates.layer)
  )
)
