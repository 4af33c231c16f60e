import type { GroupBy } from "../../domain/grouping.ts"
import type { Grain } from "../../domain/periods.ts"

/** What groups of one kind are made of. */
export interface Grouping {
  /** What tells the group of a part, in its own columns. */
  readonly key: string
  /** The columns that name a group, in the order of groups, and where they come from. */
  readonly names: { readonly [column: string]: string }
  readonly joins?: string
  readonly order: "ASC" | "DESC"
  /** The rollups that can be used, coarsest first. */
  readonly grains: ReadonlyArray<Grain>
  /** Tells prompts apart: rollups over all prompts are of no use. */
  readonly byPrompt: boolean
}

const anyGrain = ["ever", "month", "week", "day", "hour"] as const
const across = { order: "ASC", grains: anyGrain, byPrompt: false } as const
const byPrompt = { order: "ASC", grains: anyGrain, byPrompt: true } as const

export const groupings: { readonly [By in GroupBy | "mode" | "version_id"]: Grouping } = {
  mode: { ...across, key: "mode", names: { mode: "key" } },
  prompt: {
    ...byPrompt,
    key: "prompt_id",
    names: { prompt_name: "p.name" },
    joins: "JOIN prompts p ON p.prompt_id = key"
  },
  version: {
    ...byPrompt,
    key: "version_id",
    names: { prompt_name: "p.name", version_number: "v.version_number" },
    joins:
      "JOIN (SELECT version_id, prompt_id, version_number FROM prompt_versions) v ON v.version_id = key JOIN prompts p ON p.prompt_id = v.prompt_id"
  },
  version_id: { ...byPrompt, key: "version_id", names: { version_id: "key" } },
  model: {
    ...across,
    key: "model_id",
    names: { provider: "m.provider::text", model_name: `m.model_name COLLATE "C"` }
  },
  environment: { ...across, key: "environment", names: { environment: `key COLLATE "C"` } },
  hour: { ...across, key: "period", names: { period: "key" }, order: "DESC", grains: ["hour"] },
  day: {
    ...across,
    key: "date_trunc('day', period, 'UTC')",
    names: { period: "key" },
    order: "DESC",
    grains: ["day", "hour"]
  }
}
