/**
 * PromptLedger as a library: the whole service as a layer (`PromptLedger`), the use cases, the ports, and what
 * implements them. None of it needs the HTTP server.
 *
 * @module
 */

/** The whole service, composed: `layerMemory`, `layerEmbedded`, `layerPostgres`, `layerApi` and `layerWorker`. */
export * as PromptLedger from "./layers/PromptLedger.ts"

// Use cases.
export { Access } from "./services/Access.ts"
export type { IssuedKey } from "./services/Access.ts"
export { Analytics } from "./services/Analytics.ts"
export type {
  ExecutionGroup,
  PromptAnalytics,
  VersionAnalytics,
  VersionComparison
} from "./services/Analytics.ts"
export { Authentication, InvalidApiKey, TooManyInvalidKeys } from "./services/Authentication.ts"
export { Executions } from "./services/Executions.ts"
export type { Accepted, Answer, Door, RequestError } from "./services/Executions.ts"
export { Health } from "./services/Health.ts"
export type { PartState, Readiness } from "./services/Health.ts"
export { Lifecycle } from "./services/Lifecycle.ts"
export { Metrics } from "./services/Metrics.ts"
export type { Page, PageRequest } from "./services/Page.ts"
export { Prompts } from "./services/Prompts.ts"
export type {
  PromptDetail,
  PromptHistory,
  RegisteredPrompt,
  UpsertResult,
  VersionDetail
} from "./services/Prompts.ts"
export { Retention } from "./services/Retention.ts"
export { Rollups } from "./services/Rollups.ts"
export { Sweeper } from "./services/Sweeper.ts"
export type { SweepResult } from "./services/Sweeper.ts"

// Ports, and the references that change how services go about things.
export { AnalyticsStore } from "./services/AnalyticsStore.ts"
export type { GroupFigures, ModeAnalytics, VersionFigures } from "./services/AnalyticsStore.ts"
export { DatabaseUnavailable } from "./services/DatabaseUnavailable.ts"
export { DatabaseHealth } from "./services/Health.ts"
export { ExecutionQueue, QueueUnavailable } from "./services/ExecutionQueue.ts"
export type { Consumer } from "./services/ExecutionQueue.ts"
export { ExecutionStore } from "./services/ExecutionStore.ts"
export type {
  Backlog,
  ClaimedExecution,
  ExecutionPosition,
  InsertOutcome,
  KeyedExecution,
  Lease,
  Lineage,
  NewExecution
} from "./services/ExecutionStore.ts"
export { KeyStore } from "./services/KeyStore.ts"
export type { NewKey, StoredKey } from "./services/KeyStore.ts"
export { ProcessUnavailable } from "./services/ProcessUnavailable.ts"
export { NewId } from "./services/NewId.ts"
export { PromptStore } from "./services/PromptStore.ts"
export type {
  ContentChange,
  PromptFacts,
  ResolvedPrompt,
  Revision,
  VersionHistory
} from "./services/PromptStore.ts"
export { RetentionStore } from "./services/RetentionStore.ts"
export type { Dropped } from "./services/RetentionStore.ts"
export { RollupStore } from "./services/RollupStore.ts"
export { Providers } from "./services/Providers.ts"
export type { CompletionRequest, Provider } from "./services/Providers.ts"
export { defaultSettings, Settings } from "./services/Settings.ts"

// Internal: only their names, for the types of layers that have them.
export type { Dispatcher } from "./services/Dispatcher.ts"
export type { Executor } from "./services/Executor.ts"
export type { Leases } from "./services/Leases.ts"
export type { PromptCache } from "./services/PromptCache.ts"
export type { RateLimit } from "./services/RateLimit.ts"
export type { Templates } from "./services/Templates.ts"

// The domain's types, rules and errors.
export * from "./domain/Access.ts"
export type { AttemptEnd } from "./domain/attempt.ts"
export { sha256 } from "./domain/checksum.ts"
export type { CompletionChunk } from "./domain/completion.ts"
export * from "./domain/errors.ts"
export * from "./domain/Execution.ts"
export { IdempotencyKeyReused } from "./domain/idempotency.ts"
export * from "./domain/Ids.ts"
export { ModeMismatch } from "./domain/modes.ts"
export * from "./domain/Model.ts"
export * from "./domain/Prompt.ts"
export { makeProviderError, ProviderError } from "./domain/providerError.ts"
export {
  AnalyticsFilter,
  CodePrompt,
  ExecutionFilter,
  ExecutionRequest,
  KeyRequest,
  PromptFilter,
  PromptUpsert
} from "./domain/requests.ts"
export type { RetentionBounds } from "./domain/retention.ts"
export {
  TemplateForbidden,
  TemplateLimitExceeded,
  TemplateRenderError,
  TemplateSyntaxError,
  UndefinedVariable
} from "./domain/template/errors.ts"
export { makeTemplate } from "./domain/template/Template.ts"
export type { RenderError, Template } from "./domain/template/Template.ts"
export { InvalidRequest } from "./domain/validation.ts"
export { Variables } from "./domain/Variables.ts"
export { TemplateHashMismatch } from "./domain/versioning.ts"
export type { VersionDecision } from "./domain/versioning.ts"

// What implements the ports.
export * as ExecutionQueueBullMq from "./layers/bullmq/ExecutionQueueBullMq.ts"
export { echo } from "./layers/memory/echo.ts"
export { openAiProvider } from "./layers/openai/OpenAiProvider.ts"
export type { OpenAiOptions } from "./layers/openai/OpenAiProvider.ts"
export * as DatabasePglite from "./layers/pglite/DatabasePglite.ts"
export { DataDirUnavailable } from "./layers/pglite/dataDirLock.ts"
export type { Notifier } from "./layers/postgres/notifier.ts"
export { Database } from "./layers/postgres/Database.ts"
export type { PostgresOptions } from "./layers/postgres/Database.ts"
export type { Bulkhead } from "./layers/postgres/bulkhead.ts"
export type { Lane, LaneOptions } from "./layers/postgres/lane.ts"
export * as ExecutionQueueSql from "./layers/postgres/ExecutionQueueSql.ts"
export { layerMigrated, migrate, migrations } from "./layers/postgres/migrations.ts"
export { layerStores } from "./layers/postgres/stores.ts"
export * as RateLimiterStoreRedis from "./layers/redis/RateLimiterStoreRedis.ts"
export { layerServices } from "./layers/Services.ts"

// The entrypoints, for embedding them.
export { Api } from "./http/api/Api.ts"
export { Authorization } from "./http/api/Authorization.ts"
export type { RequestCheck } from "./http/api/RequestCheck.ts"
export * as Server from "./http/Server.ts"
export * as Worker from "./worker/Worker.ts"
