import { Duration, Effect } from "effect"
import { sha256 } from "../../src/domain/checksum.ts"
import { DEFAULT_PROJECT_ID, ExecutionId, ProjectId } from "../../src/domain/Ids.ts"
import { truncate } from "../../src/domain/truncation.ts"
import { decideVersion } from "../../src/domain/versioning.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import type { NewExecution } from "../../src/services/ExecutionStore.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import type { ContentChange } from "../../src/services/PromptStore.ts"

export const PROJECT = DEFAULT_PROJECT_ID
export const OTHER_PROJECT = ProjectId.make("00000000-0000-7000-8000-000000000002")

export const newName = (prefix = "prompt") => `${prefix}-${crypto.randomUUID()}`

export const change = (
  name: string,
  template_source: string,
  more: Partial<ContentChange> = {}
): ContentChange => ({
  name,
  mode: "full",
  template_source,
  checksum_hash: sha256(template_source),
  description: undefined,
  owner_team: undefined,
  created_by: undefined,
  ...more
})

/** Writes a content straight to the store and makes it the active version. */
export const revise = (given: ContentChange, activate = true) =>
  PromptStore.use((store) =>
    Effect.map(
      store.revise(PROJECT, [given], (facts) =>
        Effect.succeed(facts.map((known) => decideVersion(known, activate)))
      ),
      ([revision]) => revision!
    )
  )

/** An execution of a prompt's version, ready to be written. */
export const newExecution = Effect.fnUntraced(function* (
  of: {
    readonly prompt: { readonly prompt_id: NewExecution["prompt_id"] }
    readonly version: { readonly version_id: NewExecution["version_id"] }
  },
  more: Partial<NewExecution> = {}
) {
  const store = yield* ExecutionStore
  const { model_id } = yield* store.model({ provider: "echo", model_name: "echo" })
  const execution: NewExecution = {
    execution_id: ExecutionId.make(crypto.randomUUID()),
    project_id: PROJECT,
    prompt_id: of.prompt.prompt_id,
    version_id: of.version.version_id,
    active_only: false,
    model_id,
    environment: "dev",
    mode: "async",
    correlation_id: undefined,
    idempotency: undefined,
    params: {},
    variables: { name: "Ada" },
    rendered_prompt: truncate("Hello Ada", 1_000),
    ...more
  }
  return execution
})

/** Writes a sync execution of a version, which holds its lease from then on. */
export const begin = Effect.fnUntraced(function* (version: Effect.Success<ReturnType<typeof revise>>) {
  const execution = yield* newExecution(version, { mode: "sync" })
  yield* ExecutionStore.use((store) => store.insert(execution, Duration.minutes(1)))
  return { execution_id: execution.execution_id, epoch: 1 }
})
