import { Schema } from "effect"

const uuidOf = (what: string) =>
  Schema.String.check(Schema.isUUID(undefined, { description: `Id of ${what}.` }))

export const ProjectId = uuidOf("the project").pipe(Schema.brand("ProjectId"))
export type ProjectId = typeof ProjectId.Type
/** The project `default`, which every database begins with. */
export const DEFAULT_PROJECT_ID = ProjectId.make("00000000-0000-7000-8000-000000000001")

export const KeyId = uuidOf("the API key").pipe(Schema.brand("KeyId"))
export type KeyId = typeof KeyId.Type
export const PromptId = uuidOf("the prompt").pipe(Schema.brand("PromptId"))
export type PromptId = typeof PromptId.Type
export const VersionId = uuidOf("the version").pipe(Schema.brand("VersionId"))
export type VersionId = typeof VersionId.Type
export const ModelId = uuidOf("the model").pipe(Schema.brand("ModelId"))
export type ModelId = typeof ModelId.Type
export const ExecutionId = uuidOf("the execution").pipe(Schema.brand("ExecutionId"))
export type ExecutionId = typeof ExecutionId.Type
