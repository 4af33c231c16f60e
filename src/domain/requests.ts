import { Schema } from "effect"
import { KeyName, ProjectName, Scope } from "./Access.ts"
import { StorableDate } from "./dates.ts"
import { CorrelationId, Environment, ExecutionStatus } from "./Execution.ts"
import { IdempotencyKey } from "./idempotency.ts"
import { ModelParams, ModelRef } from "./Model.ts"
import {
  ChecksumHash,
  CreatedBy,
  Description,
  OwnerTeam,
  PromptMode,
  PromptName,
  Search,
  TemplateSource,
  VersionNumber
} from "./Prompt.ts"
import { beside, checkerOf } from "./validation.ts"
import { Variables } from "./Variables.ts"

/** Which prompt to run, and with what. */
export const ExecutionRequest = Schema.Struct({
  prompt_name: PromptName,
  /** The active version where none is given. */
  version_number: Schema.optional(VersionNumber),
  /** `dev` where none is given. */
  environment: Schema.optional(Environment),
  variables: Variables,
  /** The default model where none is given. */
  model: Schema.optional(ModelRef),
  params: Schema.optional(ModelParams),
  correlation_id: Schema.optional(CorrelationId),
  idempotency_key: Schema.optional(IdempotencyKey)
})
export interface ExecutionRequest extends Schema.Schema.Type<typeof ExecutionRequest> {}

/** What a prompt in full mode is to be. What is known of it and not given stays as it is. */
export const PromptUpsert = Schema.Struct({
  template_source: TemplateSource,
  description: Schema.optional(Description),
  owner_team: Schema.optional(OwnerTeam),
  created_by: Schema.optional(CreatedBy),
  /** Makes the version the active one, unless told not to. */
  set_active: Schema.optional(Schema.Boolean)
})
export interface PromptUpsert extends Schema.Schema.Type<typeof PromptUpsert> {}

/** A prompt of an application's code, for tracking mode. */
export const CodePrompt = Schema.Struct({
  name: PromptName,
  template_source: TemplateSource,
  /** The SHA-256 that the caller expects the template to have. */
  template_hash: Schema.optional(ChecksumHash),
  description: Schema.optional(Description),
  owner_team: Schema.optional(OwnerTeam)
})
export interface CodePrompt extends Schema.Schema.Type<typeof CodePrompt> {}

/** A key to be issued. */
export const KeyRequest = Schema.Struct({
  name: KeyName,
  scopes: Schema.Array(Scope).check(Schema.isMinLength(1)),
  /** In the future; never, where none is given. */
  expires_at: Schema.optional(StorableDate)
})
export interface KeyRequest extends Schema.Schema.Type<typeof KeyRequest> {}

/** Which prompts are listed. */
export const PromptFilter = Schema.Struct({
  mode: Schema.optional(PromptMode),
  owner_team: Schema.optional(OwnerTeam),
  search: Schema.optional(Search)
})
export interface PromptFilter extends Schema.Schema.Type<typeof PromptFilter> {}

/** Created from one instant up to another. */
const span = { from: Schema.optional(StorableDate), to: Schema.optional(StorableDate) }

/** Versions have numbers in their prompt. */
export const versionOfPrompt = beside("version_number", "prompt_name")

/** Which executions are listed. */
export const ExecutionFilter = Schema.Struct({
  prompt_name: Schema.optional(PromptName),
  version_number: Schema.optional(VersionNumber),
  status: Schema.optional(ExecutionStatus),
  environment: Schema.optional(Environment),
  correlation_id: Schema.optional(CorrelationId),
  ...span
}).check(versionOfPrompt)
export interface ExecutionFilter extends Schema.Schema.Type<typeof ExecutionFilter> {}

/** Which executions are counted. */
export const AnalyticsFilter = Schema.Struct({
  mode: Schema.optional(PromptMode),
  prompt_name: Schema.optional(PromptName),
  environment: Schema.optional(Environment),
  ...span
})
export interface AnalyticsFilter extends Schema.Schema.Type<typeof AnalyticsFilter> {}

export const checkProject = checkerOf(Schema.Struct({ name: ProjectName }))
export const checkKeyRequest = checkerOf(KeyRequest)
export const checkExecutionRequest = checkerOf(ExecutionRequest)
export const checkUpsert = checkerOf(Schema.Struct({ name: PromptName, ...PromptUpsert.fields }))
export const checkCodePrompts = checkerOf(Schema.Array(CodePrompt))
export const checkPromptFilter = checkerOf(PromptFilter)
export const checkExecutionFilter = checkerOf(ExecutionFilter)
export const checkAnalyticsFilter = checkerOf(AnalyticsFilter)
