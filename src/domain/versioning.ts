import { Effect, Schema } from "effect"
import { ChecksumHash } from "./Prompt.ts"
import type { PromptVersion } from "./Prompt.ts"

/** The hash sent with a template is not the hash of that template. */
export class TemplateHashMismatch extends Schema.TaggedError<TemplateHashMismatch>()("TemplateHashMismatch", {
  prompt_name: Schema.String,
  expected: ChecksumHash,
  actual: ChecksumHash
}) {
  override get message(): string {
    return `The template of prompt '${this.prompt_name}' has the SHA-256 ${this.actual}, not ${this.expected}.`
  }
}

/** What is known of a prompt when new content arrives for it. */
export interface VersionFacts {
  /** The version with the same content, wherever it stands in the history. */
  readonly same: PromptVersion | undefined
  readonly active: PromptVersion | undefined
  /** The highest version number so far; 0 for a new prompt. */
  readonly latest_number: number
}

/** What to do about it: at most one version is made and at most one pointer moves. */
export type VersionDecision =
  | { readonly _tag: "Keep"; readonly version: PromptVersion }
  | { readonly _tag: "Reuse"; readonly version: PromptVersion }
  | { readonly _tag: "Create"; readonly version_number: number; readonly activate: boolean }

/**
 * Decides which version stands for a content (design section 5): content that the prompt had before keeps its version,
 * however old, and only new content takes a number, the next one. `Keep` changes nothing; `Reuse` makes the older
 * version the active one again.
 */
export const decideVersion = (facts: VersionFacts, activate: boolean): VersionDecision => {
  const { same, active, latest_number } = facts
  if (same === undefined) return { _tag: "Create", version_number: latest_number + 1, activate }
  const moves = activate && same.version_id !== active?.version_id
  return { _tag: moves ? "Reuse" : "Keep", version: same }
}

/** What a decision comes to for whoever sent the content: a new version, an older one again, or nothing new. */
export type VersionChange = "created" | "reused" | "unchanged"

export const versionChange = ({ active }: VersionFacts, decision: VersionDecision): VersionChange => {
  if (decision._tag === "Create") return "created"
  return decision.version.version_id === active?.version_id ? "unchanged" : "reused"
}

/** The number of the version that stands for the content after a decision. */
export const decidedNumber = (decision: VersionDecision): number =>
  decision._tag === "Create" ? decision.version_number : decision.version.version_number

export const checkTemplateHash = (
  prompt_name: string,
  expected: string | undefined,
  actual: string
): Effect.Effect<void, TemplateHashMismatch> =>
  expected === undefined || expected === actual
    ? Effect.void
    : Effect.fail(new TemplateHashMismatch({ prompt_name, expected, actual }))
