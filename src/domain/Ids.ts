import { Schema } from "effect"

const Uuid = Schema.String.check(Schema.isUUID())

export const ProjectId = Uuid.pipe(Schema.brand("ProjectId"))
export type ProjectId = typeof ProjectId.Type
/** The project `default`, which every database begins with. */
export const DEFAULT_PROJECT_ID = ProjectId.make("00000000-0000-7000-8000-000000000001")

export const KeyId = Uuid.pipe(Schema.brand("KeyId"))
export type KeyId = typeof KeyId.Type
export const PromptId = Uuid.pipe(Schema.brand("PromptId"))
export type PromptId = typeof PromptId.Type
export const VersionId = Uuid.pipe(Schema.brand("VersionId"))
export type VersionId = typeof VersionId.Type
export const ModelId = Uuid.pipe(Schema.brand("ModelId"))
export type ModelId = typeof ModelId.Type
export const ExecutionId = Uuid.pipe(Schema.brand("ExecutionId"))
export type ExecutionId = typeof ExecutionId.Type
