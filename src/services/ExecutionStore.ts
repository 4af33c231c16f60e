import { Context } from "effect"
import type { Duration, Effect, Option } from "effect"
import type { AttemptEnd } from "../domain/attempt.ts"
import type {
  Attempt,
  Execution,
  ExecutionMode,
  ExecutionRecord,
  ExecutionStatus,
  ExecutionSummary
} from "../domain/Execution.ts"
import type { ExecutionId, ModelId, ProjectId, PromptId, VersionId } from "../domain/Ids.ts"
import type { Model, ModelParams, ModelRef } from "../domain/Model.ts"
import type { Prompt, VersionWithContent } from "../domain/Prompt.ts"
import type { ExecutionFilter } from "../domain/requests.ts"
import type { StoredText } from "../domain/truncation.ts"
import type { Variables } from "../domain/Variables.ts"
import type { PageRequest } from "./Page.ts"

/** An execution about to be written. A sync one is written as running its first attempt, an async one as queued. */
export interface NewExecution {
  readonly execution_id: ExecutionId
  readonly project_id: ProjectId
  readonly prompt_id: PromptId
  readonly version_id: VersionId
  /** Written only while the version is the prompt's active one. */
  readonly active_only: boolean
  readonly model_id: ModelId
  readonly environment: string
  readonly mode: ExecutionMode
  readonly correlation_id?: string | undefined
  readonly idempotency?: { readonly key: string; readonly fingerprint: string } | undefined
  readonly params: ModelParams
  readonly variables: Variables
  readonly rendered_prompt: StoredText
}

/** The execution that an idempotency key stands for. */
export interface KeyedExecution {
  readonly execution_id: ExecutionId
  readonly request_fingerprint: string
}

/** What came of writing an execution. */
export type InsertOutcome =
  | { readonly _tag: "Inserted" }
  | ({ readonly _tag: "Taken" } & KeyedExecution)
  | { readonly _tag: "Superseded" }

/** One attempt of an execution that a worker has claimed, with all it needs to carry it out. */
export interface ClaimedExecution {
  readonly execution_id: ExecutionId
  readonly mode: ExecutionMode
  /** The fencing token: every write for this attempt must carry it. */
  readonly epoch: number
  readonly attempts: number
  /** As it is stored: cut, when `bytes` says that the whole is longer. */
  readonly rendered_prompt: { readonly text: string; readonly bytes: number; readonly sha256: string }
  /** What the whole prompt is made of, when it is stored cut. */
  readonly source:
    | {
        readonly template_source: string
        readonly checksum_hash: string
        readonly variables: Variables
      }
    | undefined
  readonly model: ModelRef
  readonly params: ModelParams
}

/** Which attempt of which execution. */
export interface Lease {
  readonly execution_id: ExecutionId
  readonly epoch: number
}

/** Where a page of executions, newest first, goes on. */
export interface ExecutionPosition {
  readonly created_at: Date
  readonly execution_id: ExecutionId
}

export interface Lineage {
  readonly execution: ExecutionRecord
  readonly attempts: ReadonlyArray<Attempt>
  readonly version: VersionWithContent
  readonly prompt: Prompt
  readonly model: Model
  /** Null when the execution's bodies were dropped. */
  readonly variables: Variables | null
}

export interface Backlog {
  /** Executions that are queued. */
  readonly queued: number
  /** How long ago the oldest of them was submitted. */
  readonly oldest: Duration.Duration
  /** Executions that have ended and are in no rollup yet. */
  readonly unfolded: number
}

/** Executions, their inputs and their attempts. Each write is a statement, or shares one with others of its kind, and says whether it still applied. */
export class ExecutionStore extends Context.Service<
  ExecutionStore,
  {
    /** The model of that provider and name, made known where it was not. */
    readonly model: (ref: ModelRef) => Effect.Effect<Model>
    /** The models that come with the service, and those that a project's executions used, by provider and name. */
    readonly models: (
      project_id: ProjectId,
      page: PageRequest<ModelRef>
    ) => Effect.Effect<ReadonlyArray<Model>>

    /** The execution that an idempotency key of that prompt stands for. */
    readonly keyed: (
      project_id: ProjectId,
      prompt_name: string,
      idempotency_key: string
    ) => Effect.Effect<Option.Option<KeyedExecution>>

    /**
     * Writes an execution with its inputs and, for a sync one, its attempt. Nothing is written when its idempotency key
     * is taken, nor when its version had to be the active one and is not.
     */
    readonly insert: (execution: NewExecution, lease: Duration.Duration) => Effect.Effect<InsertOutcome>

    /**
     * Claims a queued execution for its next attempt: raises its epoch, takes a lease and writes the attempt. None when
     * the epoch is not the one given, when it is not due yet, or when it is not queued.
     */
    readonly claim: (
      lease: Lease,
      duration: Duration.Duration
    ) => Effect.Effect<Option.Option<ClaimedExecution>>

    /** Claims executions that are due, whichever are free, at most `limit`: each as `claim` does, the longest due first. */
    readonly claimDue: (
      limit: number,
      duration: Duration.Duration
    ) => Effect.Effect<ReadonlyArray<ClaimedExecution>>

    /** Prolongs leases; the answer has those that are still held. */
    readonly renew: (
      leases: ReadonlyArray<Lease>,
      duration: Duration.Duration
    ) => Effect.Effect<ReadonlyArray<Lease>>

    /** Ends an attempt. None when it is no longer this lease's to end: then nothing is written. */
    readonly finish: (lease: Lease, end: AttemptEnd) => Effect.Effect<Option.Option<ExecutionSummary>>

    /** Gives an attempt back, as lost; the answer says what became of its execution, if it was still this lease's. */
    readonly release: (lease: Lease) => Effect.Effect<Option.Option<ExecutionSummary>>

    /** Takes back the executions whose lease ran out, at most `limit`: queued for another attempt, or failed. */
    readonly recover: (limit: number) => Effect.Effect<ReadonlyArray<Lease & ExecutionSummary>>

    /** Queued executions that have been due for longer than `grace`, oldest first, at most `limit`. */
    readonly due: (grace: Duration.Duration, limit: number) => Effect.Effect<ReadonlyArray<Lease>>

    /** How much waits: for a worker, and to be folded into rollups. */
    readonly backlog: Effect.Effect<Backlog>

    /** Cancels an execution, unless it has ended; `status` is the one before. None when there is none of that id. */
    readonly cancel: (
      project_id: ProjectId,
      execution_id: ExecutionId
    ) => Effect.Effect<Option.Option<{ readonly canceled: boolean; readonly status: ExecutionStatus }>>

    readonly status: (
      project_id: ProjectId,
      execution_id: ExecutionId
    ) => Effect.Effect<Option.Option<ExecutionStatus>>
    readonly get: (
      project_id: ProjectId,
      execution_id: ExecutionId
    ) => Effect.Effect<Option.Option<Execution>>
    readonly lineage: (
      project_id: ProjectId,
      execution_id: ExecutionId
    ) => Effect.Effect<Option.Option<Lineage>>

    /** Executions newest first, from the one after `after`. */
    readonly list: (
      project_id: ProjectId,
      filter: ExecutionFilter,
      page: PageRequest<ExecutionPosition>
    ) => Effect.Effect<ReadonlyArray<ExecutionSummary>>
  }
>()("promptledger/services/ExecutionStore") {}
