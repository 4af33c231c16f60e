import { Schema } from "effect"
import { Environment } from "./Execution.ts"
import { ModelRef } from "./Model.ts"
import { PromptName, VersionNumber } from "./Prompt.ts"
import { dateOf, StorableDate } from "./dates.ts"

/** What makes a group of executions, and what tells one group from another. Periods are told by their start, in UTC. */
const keys = {
  prompt: { prompt_name: PromptName },
  version: { prompt_name: PromptName, version_number: VersionNumber },
  model: ModelRef.fields,
  environment: { environment: Environment },
  hour: { period: StorableDate },
  day: { period: StorableDate }
}

export const GroupBy = Schema.Literals(["prompt", "version", "model", "environment", "hour", "day"]).annotate(
  {
    description: "What executions are grouped by; adds `groups` to the answer, in pages of `limit`."
  }
)
export type GroupBy = typeof GroupBy.Type

/** A group's place among the others of its kind: in the order of names and numbers, or the latest period first. */
export const GroupPosition = Schema.Union([
  Schema.Struct({ group_by: Schema.Literal("prompt"), ...keys.prompt }),
  Schema.Struct({ group_by: Schema.Literal("version"), ...keys.version }),
  Schema.Struct({ group_by: Schema.Literal("model"), ...keys.model }),
  Schema.Struct({ group_by: Schema.Literal("environment"), ...keys.environment }),
  Schema.Struct({ group_by: Schema.Literal("hour"), ...keys.hour }),
  Schema.Struct({ group_by: Schema.Literal("day"), ...keys.day })
])
export type GroupPosition = typeof GroupPosition.Type

/** What names a group: the members that its kind has. */
export const GroupKey = Schema.Struct({
  prompt_name: Schema.optionalKey(
    Schema.String.annotate({ description: "The prompt's name; of groups by prompt or version." })
  ),
  version_number: Schema.optionalKey(
    Schema.Int.annotate({ description: "The version's number in its prompt; of groups by version." })
  ),
  provider: Schema.optionalKey(
    ModelRef.fields.provider.annotate({ description: "The model's provider; of groups by model." })
  ),
  model_name: Schema.optionalKey(
    Schema.String.annotate({ description: "The provider's own name for the model; of groups by model." })
  ),
  environment: Schema.optionalKey(
    Schema.String.annotate({
      description: "The environment that the executions were made for; of groups by environment."
    })
  ),
  period: Schema.optionalKey(
    dateOf("Start of the hour or day, in UTC, that the executions were created in; of groups by hour or day.")
  )
})
export type GroupKey = typeof GroupKey.Type

/** Where a group stands, by its key. */
export const positionOf = (group_by: GroupBy, key: GroupKey): GroupPosition =>
  ({
    group_by,
    ...Object.fromEntries(Object.keys(keys[group_by]).map((name) => [name, key[name as keyof GroupKey]]))
  }) as GroupPosition
