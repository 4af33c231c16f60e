import { Context } from "effect"
import type { Effect, Option } from "effect"
import type { ProjectId, PromptId, VersionId } from "../domain/Ids.ts"
import type { Prompt, PromptMode, PromptVersion, VersionWithContent } from "../domain/Prompt.ts"
import type { PromptFilter } from "../domain/requests.ts"
import type { VersionDecision, VersionFacts } from "../domain/versioning.ts"
import type { PageRequest } from "./Page.ts"

/** Content that arrives for a prompt, to be matched with its versions. */
export interface ContentChange {
  readonly name: string
  readonly mode: PromptMode
  readonly template_source: string
  readonly checksum_hash: string
  /** Kept as it is where it is not given. */
  readonly description?: string | undefined
  readonly owner_team?: string | undefined
  readonly created_by?: string | undefined
}

/** What the ledger knows of the prompt that a change is for; no prompt when it would be a new one. */
export interface PromptFacts extends VersionFacts {
  readonly prompt: Prompt | undefined
}

/** What became of a change. */
export interface Revision {
  readonly prompt: Prompt
  /** The version that stands for the content now. */
  readonly version: PromptVersion
  /** What the decision was made on. */
  readonly facts: PromptFacts
  readonly decision: VersionDecision
}

/** Whether a change says something new of the prompt itself. */
export const changesDescription = (prompt: Prompt, { description, owner_team }: ContentChange): boolean =>
  (description ?? prompt.description) !== prompt.description ||
  (owner_team ?? prompt.owner_team) !== prompt.owner_team

/** Whether a decision on a change leaves all as it is. */
export const changesNothing = (
  { prompt }: PromptFacts,
  decision: VersionDecision,
  change: ContentChange
): boolean => prompt !== undefined && decision._tag === "Keep" && !changesDescription(prompt, change)

/** A prompt with the version that was asked for, where it has it. */
export interface ResolvedPrompt {
  readonly prompt: Prompt
  readonly version: Option.Option<VersionWithContent>
}

export interface VersionHistory extends VersionWithContent {
  readonly execution_count: number
}

/** Prompts and their versions. Lists come in the order they page by. */
export class PromptStore extends Context.Service<
  PromptStore,
  {
    /** The prompt with the version of that number, or its active one where no number is given. */
    readonly resolve: (
      project_id: ProjectId,
      name: string,
      version_number: number | undefined
    ) => Effect.Effect<Option.Option<ResolvedPrompt>>

    /** Prompts by name, from the one after `after`. */
    readonly list: (
      project_id: ProjectId,
      filter: PromptFilter,
      page: PageRequest<string>
    ) => Effect.Effect<ReadonlyArray<Prompt>>

    /** A prompt's versions, newest first, from the one before number `before`. */
    readonly versions: (
      prompt_id: PromptId,
      page: PageRequest<number>
    ) => Effect.Effect<ReadonlyArray<PromptVersion>>

    /** As `versions`, with the content of each and the number of its executions; fewer of them when they have much content. */
    readonly history: (
      prompt_id: PromptId,
      page: PageRequest<number>
    ) => Effect.Effect<ReadonlyArray<VersionHistory>>

    /** What is known of the prompt of each change, in the order of the changes; one statement. */
    readonly facts: (
      project_id: ProjectId,
      changes: ReadonlyArray<ContentChange>
    ) => Effect.Effect<ReadonlyArray<PromptFacts>>

    /**
     * Carries out what `decide` makes of the facts, all of it or nothing, with the prompts locked: concurrent revisions
     * of one prompt follow each other, and each decides on what the one before it left.
     */
    readonly revise: <E>(
      project_id: ProjectId,
      changes: ReadonlyArray<ContentChange>,
      decide: (facts: ReadonlyArray<PromptFacts>) => Effect.Effect<ReadonlyArray<VersionDecision>, E>
    ) => Effect.Effect<ReadonlyArray<Revision>, E>

    /** Makes a version the active one. */
    readonly activate: (prompt_id: PromptId, version_id: VersionId) => Effect.Effect<void>
  }
>()("promptledger/services/PromptStore") {}
