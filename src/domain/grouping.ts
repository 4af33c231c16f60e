import { Schema } from "effect"
import { Environment } from "./Execution.ts"
import { ModelRef } from "./Model.ts"
import { PromptName, VersionNumber } from "./Prompt.ts"
import { StorableDate } from "./dates.ts"

/** What makes a group of executions, and what tells one group from another. Periods are told by their start, in UTC. */
const keys = {
  prompt: { prompt_name: PromptName },
  version: { prompt_name: PromptName, version_number: VersionNumber },
  model: ModelRef.fields,
  environment: { environment: Environment },
  hour: { period: StorableDate },
  day: { period: StorableDate }
}

/** What executions may be grouped by. */
export const GroupBy = Schema.Literals(["prompt", "version", "model", "environment", "hour", "day"])
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
  prompt_name: Schema.optionalKey(Schema.String),
  version_number: Schema.optionalKey(Schema.Int),
  provider: Schema.optionalKey(ModelRef.fields.provider),
  model_name: Schema.optionalKey(Schema.String),
  environment: Schema.optionalKey(Schema.String),
  /** Start of the hour or day, in UTC, that the executions were created in. */
  period: Schema.optionalKey(Schema.Date)
})
export type GroupKey = typeof GroupKey.Type

/** Where a group stands, by its key. */
export const positionOf = (group_by: GroupBy, key: GroupKey): GroupPosition =>
  ({
    group_by,
    ...Object.fromEntries(Object.keys(keys[group_by]).map((name) => [name, key[name as keyof GroupKey]]))
  }) as GroupPosition
