import { Context, Duration } from "effect"
import type { ModelRef } from "../domain/Model.ts"
import type { RetentionBounds } from "../domain/retention.ts"

/** The times and bounds that services go by. Times are of whole milliseconds, less than 2^31. */
export interface Settings {
  /** How long a worker has an execution without a sign of life. */
  readonly lease: Duration.Duration
  /** How often a worker prolongs its leases. */
  readonly heartbeat: Duration.Duration
  /**
   * How often a worker looks for executions that were forgotten, and folds those that ended into the rollups. Below
   * `lease` less `heartbeat`, so that no outage outlasts a lease unnoticed.
   */
  readonly sweep: Duration.Duration
  /** How long a due execution is left to its wake-up call before the sweeper takes it for forgotten. */
  readonly grace: Duration.Duration
  /** How long a provider may take for its whole answer, headers and body. */
  readonly provider_timeout: Duration.Duration
  /** How long a stopping process lets its provider calls go on. */
  readonly drain: Duration.Duration
  /** Provider calls that one worker has under way at most. */
  readonly worker_concurrency: number
  /** Requests a second that a key may make in the long run, ten seconds' worth of them at once; 0 for no limit. */
  readonly rate_limit: number
  /** What workers drop for its age: nothing, unless they are told. */
  readonly retain: RetentionBounds
  /** The model of a tracking execution that names none. */
  readonly default_model: ModelRef
}

export const defaultSettings: Settings = {
  lease: Duration.seconds(30),
  heartbeat: Duration.seconds(10),
  sweep: Duration.seconds(5),
  grace: Duration.seconds(5),
  provider_timeout: Duration.seconds(60),
  drain: Duration.seconds(20),
  worker_concurrency: 32,
  rate_limit: 1_000,
  retain: {},
  default_model: { provider: "openai", model_name: "gpt-4o-mini" }
}

export const Settings = Context.Reference<Settings>("promptledger/services/Settings", {
  defaultValue: () => defaultSettings
})
