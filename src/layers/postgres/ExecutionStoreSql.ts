import { Duration, Effect, Layer, Option } from "effect"
import type { Fragment } from "effect/sql/Statement"
import { outcomeOf } from "../../domain/attempt.ts"
import type { AttemptEnd } from "../../domain/attempt.ts"
import type {
  Attempt,
  Execution,
  ExecutionRecord,
  ExecutionStatus,
  ExecutionSummary
} from "../../domain/Execution.ts"
import type { ExecutionId, ProjectId, PromptId } from "../../domain/Ids.ts"
import type { Model, ModelRef } from "../../domain/Model.ts"
import type { Prompt, VersionWithContent } from "../../domain/Prompt.ts"
import { MAX_LOST_ATTEMPTS } from "../../domain/retry.ts"
import type { Variables } from "../../domain/Variables.ts"
import { ExecutionStore } from "../../services/ExecutionStore.ts"
import type {
  ClaimedExecution,
  ExecutionFilter,
  ExecutionPosition,
  KeyedExecution,
  Lease,
  Lineage,
  NewExecution
} from "../../services/ExecutionStore.ts"
import { NewId } from "../../services/NewId.ts"
import type { PageRequest } from "../../services/Page.ts"
import { columnsOf, contentColumns, modelColumns, promptColumns, unprefixed } from "./columns.ts"
import { Database } from "./Database.ts"

/** Models that a process remembers; past that it asks again. */
const MODELS_KEPT = 1_000

const WORKER_LOST = "worker_lost"
const WORKER_LOST_MESSAGE =
  "The worker was lost while the provider was being called; whether it answered is unknown."

type SummaryRow = Omit<ExecutionSummary, "telemetry"> & ExecutionSummary["telemetry"]
type ExecutionRow = SummaryRow & Pick<Execution, "response_text">

const summaryColumns = `
  e.execution_id, e.status, e.execution_mode AS mode, e.prompt_id, p.name AS prompt_name, p.mode AS prompt_mode,
  e.version_id, v.version_number, e.model_id, e.environment, e.correlation_id, e.idempotency_key, e.params,
  e.attempts, e.lost_attempts, e.truncated, e.error_type, e.error_message,
  e.created_at, e.started_at, e.completed_at, e.next_attempt_at,
  m.provider, m.model_name, e.prompt_tokens, e.response_tokens, e.latency_ms, e.provider_request_id`

const summaryJoins = `
  JOIN prompts p ON p.prompt_id = e.prompt_id
  JOIN prompt_versions v ON v.version_id = e.version_id
  JOIN models m ON m.model_id = e.model_id`

const toSummary = (row: SummaryRow): ExecutionSummary => ({
  execution_id: row.execution_id,
  status: row.status,
  mode: row.mode,
  prompt_id: row.prompt_id,
  prompt_name: row.prompt_name,
  prompt_mode: row.prompt_mode,
  version_id: row.version_id,
  version_number: row.version_number,
  model_id: row.model_id,
  environment: row.environment,
  correlation_id: row.correlation_id,
  idempotency_key: row.idempotency_key,
  params: row.params,
  telemetry: {
    provider: row.provider,
    model_name: row.model_name,
    prompt_tokens: row.prompt_tokens,
    response_tokens: row.response_tokens,
    latency_ms: row.latency_ms,
    provider_request_id: row.provider_request_id
  },
  attempts: row.attempts,
  lost_attempts: row.lost_attempts,
  truncated: row.truncated,
  error_type: row.error_type,
  error_message: row.error_message,
  created_at: row.created_at,
  started_at: row.started_at,
  completed_at: row.completed_at,
  next_attempt_at: row.next_attempt_at
})

const toExecution = (row: ExecutionRow): Execution => ({
  ...toSummary(row),
  response_text: row.response_text
})

/** `ExecutionStore` over PostgreSQL, a server's or PGlite's. */
export const layer = Layer.effect(
  ExecutionStore,
  Effect.gen(function* () {
    const { read, write, reading, writing, now } = yield* Database
    const newId = yield* NewId

    const after = (time: Fragment, duration: Duration.Duration) =>
      write`${time} + ${Duration.toMillis(duration)} * interval '1 millisecond'`

    const selectModel = ({ provider, model_name }: ModelRef) => read<Model>`
      SELECT ${read.literal(columnsOf("m", modelColumns))} FROM models m
      WHERE m.provider = ${provider} AND m.model_name = ${model_name}`

    const selectModels = read<Model>`
      SELECT ${read.literal(columnsOf("m", modelColumns))} FROM models m ORDER BY m.provider, m.model_name`

    const insertModel = ({ provider, model_name }: ModelRef) => write`
      INSERT INTO models (model_id, provider, model_name) VALUES (${newId()}, ${provider}, ${model_name})
      ON CONFLICT (provider, model_name) DO NOTHING`

    const selectKeyed = (
      project_id: ProjectId,
      prompt_name: string,
      idempotency_key: string
    ) => read<KeyedExecution>`
      SELECT e.execution_id, e.request_fingerprint
      FROM prompts p JOIN executions e ON e.prompt_id = p.prompt_id AND e.idempotency_key = ${idempotency_key}
      WHERE p.project_id = ${project_id} AND p.name = ${prompt_name}`

    const selectTaken = (prompt_id: PromptId, idempotency_key: string) => write<KeyedExecution>`
      SELECT execution_id, request_fingerprint FROM executions
      WHERE prompt_id = ${prompt_id} AND idempotency_key = ${idempotency_key}`

    const insertExecution = Effect.fnUntraced(function* (execution: NewExecution, lease: Duration.Duration) {
      const time = yield* now
      const { rendered_prompt, idempotency } = execution
      const running = execution.mode === "sync"
      return yield* write`
        WITH execution AS (
          INSERT INTO executions (
            execution_id, project_id, prompt_id, version_id, model_id, environment, execution_mode,
            correlation_id, idempotency_key, request_fingerprint, params,
            rendered_prompt, rendered_prompt_bytes, rendered_prompt_sha256, truncated, error_type,
            created_at, status, epoch, attempts, next_attempt_at, started_at, lease_expires_at
          ) VALUES (
            ${execution.execution_id}, ${execution.project_id}, ${execution.prompt_id}, ${execution.version_id},
            ${execution.model_id}, ${execution.environment}, ${execution.mode}, ${execution.correlation_id ?? null},
            ${idempotency?.key ?? null}, ${idempotency?.fingerprint ?? null}, ${write.json(execution.params)},
            ${rendered_prompt.text}, ${rendered_prompt.bytes}, ${rendered_prompt.sha256},
            ${rendered_prompt.truncated}, ${rendered_prompt.truncated ? "truncated" : null}, ${time},
            ${
              running
                ? write`'running', 1, 1, NULL, ${time}, ${after(time, lease)}`
                : write`'queued', 0, 0, ${time}, NULL, NULL`
            }
          )
          ON CONFLICT (prompt_id, idempotency_key) DO NOTHING
          RETURNING execution_id, epoch
        ), inputs AS (
          INSERT INTO execution_inputs (execution_id, variables_json)
          SELECT execution_id, ${write.json(execution.variables)} FROM execution
        ), attempt AS (
          INSERT INTO execution_attempts (execution_id, attempt_number, started_at)
          SELECT execution_id, epoch, ${time} FROM execution WHERE epoch > 0
        )
        SELECT 1 FROM execution`
    })

    const claimExecution = Effect.fnUntraced(function* (
      { execution_id, epoch }: Lease,
      lease: Duration.Duration
    ) {
      const time = yield* now
      return yield* write<ClaimedRow>`
        WITH claimed AS (
          UPDATE executions SET
            status = 'running', epoch = epoch + 1, attempts = attempts + 1, next_attempt_at = NULL,
            lease_expires_at = ${after(time, lease)}, started_at = coalesce(started_at, ${time})
          WHERE execution_id = ${execution_id} AND epoch = ${epoch} AND status = 'queued' AND next_attempt_at <= ${time}
          RETURNING *
        ), attempt AS (
          INSERT INTO execution_attempts (execution_id, attempt_number, started_at)
          SELECT execution_id, epoch, ${time} FROM claimed
        )
        SELECT e.execution_id, e.execution_mode AS mode, e.epoch, e.attempts, e.params,
          e.rendered_prompt, e.rendered_prompt_bytes, e.rendered_prompt_sha256,
          v.template_source, v.checksum_hash, m.provider, m.model_name, i.variables_json
        FROM claimed e
        JOIN prompt_versions v ON v.version_id = e.version_id
        JOIN models m ON m.model_id = e.model_id
        JOIN execution_inputs i ON i.execution_id = e.execution_id`
    })

    const renewLeases = Effect.fnUntraced(function* (
      leases: ReadonlyArray<Lease>,
      duration: Duration.Duration
    ) {
      return yield* write<Lease>`
        UPDATE executions e SET lease_expires_at = ${after(yield* now, duration)}
        FROM unnest(
          ${leases.map(({ execution_id }) => execution_id)}::uuid[],
          ${leases.map(({ epoch }) => epoch)}::int[]
        ) AS held (execution_id, epoch)
        WHERE e.execution_id = held.execution_id AND e.epoch = held.epoch AND e.status = 'running'
        RETURNING e.execution_id, e.epoch`
    })

    const endAttempt = (ended: Fragment, time: Fragment, end: AttemptEnd) => {
      const failed = end._tag === "Failed" ? end : undefined
      return write<SummaryRow>`
        WITH ended AS (${ended}), attempt AS (
          UPDATE execution_attempts a SET
            completed_at = ${time}, outcome = ${outcomeOf(end)},
            error_type = ${failed?.error_type ?? null}, error_message = ${failed?.error_message ?? null},
            http_status = ${failed?.http_status ?? null}, provider_request_id = ${end.provider_request_id},
            latency_ms = ${end.latency_ms}, prompt_tokens = ${end.prompt_tokens}, response_tokens = ${end.response_tokens}
          FROM ended WHERE a.execution_id = ended.execution_id AND a.attempt_number = ended.epoch
        )
        SELECT ${write.literal(summaryColumns)} FROM ended e ${write.literal(summaryJoins)}`
    }

    const finishAttempt = Effect.fnUntraced(function* ({ execution_id, epoch }: Lease, end: AttemptEnd) {
      const time = yield* now
      const telemetry = write`
        lease_expires_at = NULL, prompt_tokens = ${end.prompt_tokens}, response_tokens = ${end.response_tokens},
        latency_ms = ${end.latency_ms}, provider_request_id = ${end.provider_request_id}`
      const held = write`
        WHERE execution_id = ${execution_id} AND epoch = ${epoch} AND status = 'running'
        RETURNING *`
      if (end._tag === "Succeeded") {
        const { text, bytes, sha256, truncated } = end.response
        const ended = write`
          UPDATE executions SET ${telemetry}, status = 'succeeded', completed_at = ${time},
            response_text = ${text}, response_bytes = ${bytes}, response_sha256 = ${sha256},
            truncated = truncated OR ${truncated},
            error_type = CASE WHEN truncated OR ${truncated} THEN 'truncated' WHEN ${end.replaced} THEN 'replaced' END
          ${held}`
        return yield* endAttempt(ended, time, end)
      }
      const ended =
        end.retry_after === undefined
          ? write`
          UPDATE executions SET ${telemetry}, status = 'failed', completed_at = ${time},
            error_type = ${end.error_type}, error_message = ${end.error_message}
          ${held}`
          : write`
          UPDATE executions SET ${telemetry}, status = 'queued', next_attempt_at = ${after(time, end.retry_after)}
          ${held}`
      return yield* endAttempt(ended, time, end)
    })

    /** Ends attempts whose worker is gone: outcome unknown, and queued again unless too many were lost. */
    const loseAttempts = (which: Fragment, time: Fragment) => write<
      Lease & { readonly status: ExecutionStatus }
    >`
      WITH lost AS (
        SELECT execution_id, execution_mode = 'async' AND lost_attempts + 1 < ${MAX_LOST_ATTEMPTS} AS again
        FROM executions WHERE status = 'running' AND ${which}
        FOR UPDATE SKIP LOCKED
      ), ended AS (
        UPDATE executions e SET
          attempts = e.attempts - 1, lost_attempts = e.lost_attempts + 1, lease_expires_at = NULL,
          status = CASE WHEN lost.again THEN 'queued' ELSE 'failed' END::execution_status,
          next_attempt_at = CASE WHEN lost.again THEN ${time} END,
          completed_at = CASE WHEN NOT lost.again THEN ${time} END,
          error_type = CASE WHEN lost.again THEN e.error_type ELSE ${WORKER_LOST} END,
          error_message = CASE WHEN NOT lost.again THEN ${WORKER_LOST_MESSAGE} END
        FROM lost WHERE e.execution_id = lost.execution_id
        RETURNING e.execution_id, e.epoch, e.status
      ), attempt AS (
        UPDATE execution_attempts a SET
          completed_at = ${time}, outcome = 'unknown', error_type = ${WORKER_LOST}, error_message = ${WORKER_LOST_MESSAGE}
        FROM ended WHERE a.execution_id = ended.execution_id AND a.attempt_number = ended.epoch
      )
      SELECT execution_id, epoch, status FROM ended`

    const selectDue = Effect.fnUntraced(function* (grace: Duration.Duration, limit: number) {
      return yield* read<Lease>`
        SELECT execution_id, epoch FROM executions
        WHERE status = 'queued' AND next_attempt_at < ${yield* now} - ${Duration.toMillis(grace)} * interval '1 millisecond'
        ORDER BY next_attempt_at LIMIT ${limit}`
    })

    const selectBacklog = Effect.gen(function* () {
      return yield* read<{ readonly queued: number; readonly oldest_seconds: number }>`
        SELECT count(*)::int AS queued,
          coalesce(extract(epoch FROM ${yield* now} - min(created_at)), 0)::float8 AS oldest_seconds
        FROM executions WHERE status = 'queued'`
    })

    const cancelExecution = Effect.fnUntraced(function* (project_id: ProjectId, execution_id: ExecutionId) {
      const time = yield* now
      return yield* write<{ readonly canceled: boolean; readonly status: ExecutionStatus }>`
        WITH canceled AS (
          UPDATE executions SET
            status = 'canceled', next_attempt_at = NULL, lease_expires_at = NULL, completed_at = ${time}
          WHERE execution_id = ${execution_id} AND project_id = ${project_id} AND completed_at IS NULL
          RETURNING execution_id
        ), attempt AS (
          UPDATE execution_attempts a SET completed_at = ${time}, outcome = 'canceled'
          FROM canceled WHERE a.execution_id = canceled.execution_id AND a.outcome IS NULL
        )
        SELECT EXISTS (SELECT FROM canceled) AS canceled, status
        FROM executions WHERE execution_id = ${execution_id} AND project_id = ${project_id}`
    })

    const selectStatus = (project_id: ProjectId, execution_id: ExecutionId) => read<{
      readonly status: ExecutionStatus
    }>`
      SELECT status FROM executions WHERE execution_id = ${execution_id} AND project_id = ${project_id}`

    const selectExecution = (project_id: ProjectId, execution_id: ExecutionId) => read<ExecutionRow>`
      SELECT ${read.literal(summaryColumns)}, e.response_text
      FROM executions e ${read.literal(summaryJoins)}
      WHERE e.execution_id = ${execution_id} AND e.project_id = ${project_id}`

    const selectLineage = (project_id: ProjectId, execution_id: ExecutionId) => read<LineageRow>`
      SELECT ${read.literal(summaryColumns)}, e.response_text,
        e.rendered_prompt, e.rendered_prompt_bytes, e.rendered_prompt_sha256, e.response_bytes, e.response_sha256,
        i.variables_json,
        ${read.literal(columnsOf("p", promptColumns, "prompt_"))},
        ${read.literal(columnsOf("v", contentColumns, "version_"))},
        ${read.literal(columnsOf("m", modelColumns, "model_"))},
        (SELECT jsonb_agg(to_jsonb(a) - 'execution_id' ORDER BY a.attempt_number)
         FROM execution_attempts a WHERE a.execution_id = e.execution_id) AS attempt_rows
      FROM executions e ${read.literal(summaryJoins)}
      JOIN execution_inputs i ON i.execution_id = e.execution_id
      WHERE e.execution_id = ${execution_id} AND e.project_id = ${project_id}`

    const selectExecutions = (
      project_id: ProjectId,
      filter: ExecutionFilter,
      page: PageRequest<ExecutionPosition>
    ) => {
      const prompt = read`SELECT prompt_id FROM prompts WHERE project_id = ${project_id} AND name = ${filter.prompt_name}`
      const conditions = [
        read`e.project_id = ${project_id}`,
        // A version has one prompt: saying so again would only mislead the planner.
        filter.prompt_name !== undefined &&
          filter.version_number === undefined &&
          read`e.prompt_id = (${prompt})`,
        filter.version_number !== undefined &&
          read`e.version_id = (
            SELECT version_id FROM prompt_versions
            WHERE prompt_id = (${prompt}) AND version_number = ${filter.version_number})`,
        filter.status !== undefined && read`e.status = ${filter.status}`,
        filter.environment !== undefined && read`e.environment = ${filter.environment}`,
        filter.correlation_id !== undefined && read`e.correlation_id = ${filter.correlation_id}`,
        filter.from !== undefined && read`e.created_at >= ${filter.from}`,
        filter.to !== undefined && read`e.created_at < ${filter.to}`,
        page.after !== undefined &&
          read`(e.created_at, e.execution_id) < (${page.after.created_at}, ${page.after.execution_id})`
      ]
      return read<SummaryRow>`
        SELECT ${read.literal(summaryColumns)}
        FROM executions e ${read.literal(summaryJoins)}
        WHERE ${read.and(conditions.filter((condition) => condition !== false))}
        ORDER BY e.created_at DESC, e.execution_id DESC LIMIT ${page.limit}`
    }

    const models = new Map<string, Model>()
    const model = Effect.fnUntraced(function* (ref: ModelRef) {
      const key = `${ref.provider}/${ref.model_name}`
      const known = models.get(key)
      if (known !== undefined) return known
      let [found] = yield* selectModel(ref)
      if (found === undefined) {
        yield* insertModel(ref)
        ;[found] = yield* selectModel(ref)
      }
      if (models.size >= MODELS_KEPT) models.clear()
      models.set(key, found!)
      return found!
    }, writing)

    const first = <A>(rows: ReadonlyArray<A>) => Option.fromUndefinedOr(rows[0])

    return ExecutionStore.of({
      model,
      models: reading(selectModels),
      keyed: (project_id, prompt_name, key) =>
        Effect.map(reading(selectKeyed(project_id, prompt_name, key)), first),

      insert: Effect.fnUntraced(function* (execution, lease) {
        const inserted = yield* insertExecution(execution, lease)
        if (inserted.length > 0) return Option.none()
        return first(yield* selectTaken(execution.prompt_id, execution.idempotency!.key))
      }, writing),

      claim: (lease, duration) =>
        Effect.map(writing(claimExecution(lease, duration)), (rows) => Option.map(first(rows), toClaimed)),
      renew: (leases, duration) => writing(renewLeases(leases, duration)),
      finish: (lease, end) =>
        Effect.map(writing(finishAttempt(lease, end)), (rows) => Option.map(first(rows), toSummary)),

      release: Effect.fnUntraced(function* ({ execution_id, epoch }) {
        const rows = yield* loseAttempts(
          write`execution_id = ${execution_id} AND epoch = ${epoch}`,
          yield* now
        )
        return Option.map(first(rows), ({ status }) => status)
      }, writing),
      recover: Effect.fnUntraced(function* (limit) {
        const time = yield* now
        const expired = write`execution_id IN (
          SELECT execution_id FROM executions WHERE status = 'running' AND lease_expires_at < ${time}
          ORDER BY lease_expires_at LIMIT ${limit})`
        return yield* loseAttempts(expired, time)
      }, writing),
      backlog: Effect.map(reading(selectBacklog), ([row]) => ({
        queued: row!.queued,
        oldest: Duration.seconds(row!.oldest_seconds)
      })),
      due: (grace, limit) => reading(selectDue(grace, limit)),

      cancel: (project_id, execution_id) =>
        Effect.map(writing(cancelExecution(project_id, execution_id)), first),
      status: (project_id, execution_id) =>
        Effect.map(reading(selectStatus(project_id, execution_id)), (rows) =>
          Option.map(first(rows), ({ status }) => status)
        ),
      get: (project_id, execution_id) =>
        Effect.map(reading(selectExecution(project_id, execution_id)), (rows) =>
          Option.map(first(rows), toExecution)
        ),
      lineage: (project_id, execution_id) =>
        Effect.map(reading(selectLineage(project_id, execution_id)), (rows) =>
          Option.map(first(rows), toLineage)
        ),
      list: (project_id, filter, page) =>
        Effect.map(reading(selectExecutions(project_id, filter, page)), (rows) => rows.map(toSummary))
    })
  })
)

interface ClaimedRow extends Omit<ClaimedExecution, "variables" | "rendered_prompt" | "model">, ModelRef {
  readonly rendered_prompt: string
  readonly rendered_prompt_bytes: number
  readonly rendered_prompt_sha256: string
  readonly variables_json: Variables
}

const toClaimed = ({
  rendered_prompt: text,
  rendered_prompt_bytes: bytes,
  rendered_prompt_sha256: sha256,
  provider,
  model_name,
  variables_json: variables,
  ...rest
}: ClaimedRow): ClaimedExecution => ({
  ...rest,
  variables,
  rendered_prompt: { text, bytes, sha256 },
  model: { provider, model_name }
})

type AttemptRow = {
  readonly [Field in keyof Attempt]: Attempt[Field] extends Date | null ? string | null : Attempt[Field]
}

type LineageRow = ExecutionRow & {
  readonly rendered_prompt: string
  readonly rendered_prompt_bytes: number
  readonly rendered_prompt_sha256: string
  readonly response_bytes: number | null
  readonly response_sha256: string | null
  readonly variables_json: Variables
  readonly attempt_rows: ReadonlyArray<AttemptRow> | null
}

const toLineage = (row: LineageRow): Lineage => ({
  execution: toRecord(row),
  attempts: (row.attempt_rows ?? []).map((attempt) => ({
    ...attempt,
    started_at: new Date(attempt.started_at!),
    completed_at: attempt.completed_at === null ? null : new Date(attempt.completed_at)
  })),
  version: unprefixed<VersionWithContent>(row, contentColumns, "version_")!,
  prompt: unprefixed<Prompt>(row, promptColumns, "prompt_")!,
  model: unprefixed<Model>(row, modelColumns, "model_")!,
  variables: row.variables_json
})

const toRecord = (row: LineageRow): ExecutionRecord => ({
  ...toExecution(row),
  rendered_prompt: {
    text: row.rendered_prompt,
    bytes: row.rendered_prompt_bytes,
    sha256: row.rendered_prompt_sha256
  },
  response:
    row.response_text === null
      ? null
      : { text: row.response_text, bytes: row.response_bytes!, sha256: row.response_sha256! }
})
