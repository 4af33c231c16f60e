import { Array, Duration, Effect, Layer, Option } from "effect"
import type { Fragment } from "effect/sql/Statement"
import { outcomeOf, statusAfter } from "../../domain/attempt.ts"
import type { AttemptEnd } from "../../domain/attempt.ts"
import { isTerminal } from "../../domain/Execution.ts"
import type {
  Attempt,
  Execution,
  ExecutionRecord,
  ExecutionStatus,
  ExecutionSummary
} from "../../domain/Execution.ts"
import type { ExecutionId, ProjectId, PromptId } from "../../domain/Ids.ts"
import type { Model, ModelRef } from "../../domain/Model.ts"
import type { ExecutionFilter } from "../../domain/requests.ts"
import { MAX_LOST_ATTEMPTS } from "../../domain/retry.ts"
import type { Variables } from "../../domain/Variables.ts"
import { ExecutionStore } from "../../services/ExecutionStore.ts"
import type {
  Backlog,
  ClaimedExecution,
  ExecutionPosition,
  KeyedExecution,
  Lease,
  Lineage,
  NewExecution
} from "../../services/ExecutionStore.ts"
import { NewId } from "../../services/NewId.ts"
import type { PageRequest } from "../../services/Page.ts"
import { booleans, floats, integers, jsons, texts, uuids } from "./arrays.ts"
import {
  columnsOf,
  contentColumns,
  modelColumns,
  modelOf,
  promptColumns,
  promptOf,
  versionOf
} from "./columns.ts"
import { Database } from "./Database.ts"
import { unfolded } from "./facts.ts"

/** Models that a process remembers; past that it asks again. */
const MODELS_KEPT = 1_000

/** Executions that one statement reads: each may have a response of 500 KB. */
const POLLED = 32

const WORKER_LOST = "worker_lost"
const WORKER_LOST_MESSAGE =
  "The worker was lost while the provider was being called; whether it answered is unknown."

type SummaryRow = Omit<ExecutionSummary, "telemetry"> & ExecutionSummary["telemetry"]
type ExecutionRow = SummaryRow & Pick<Execution, "response_text">

const summaryColumns = `
  e.execution_id, e.status, e.execution_mode AS mode, e.prompt_id, p.name AS prompt_name, p.mode AS prompt_mode,
  e.version_id, v.version_number, e.model_id, e.environment, e.correlation_id, e.idempotency_key, e.params,
  e.attempts, e.lost_attempts, e.truncated, e.error_type, e.error_message,
  e.created_at, e.started_at, e.completed_at, e.next_attempt_at, e.bodies_dropped_at,
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
  next_attempt_at: row.next_attempt_at,
  bodies_dropped_at: row.bodies_dropped_at
})

const toExecution = (row: ExecutionRow): Execution => ({
  ...toSummary(row),
  response_text: row.response_text
})

/** `ExecutionStore` over PostgreSQL, a server's or PGlite's. */
export const layer = Layer.effect(
  ExecutionStore,
  Effect.gen(function* () {
    const { read, scan, write, reading, scanning, writing, readingLane, writingLane, now } = yield* Database
    const newId = yield* NewId

    const after = (time: Fragment, duration: Duration.Duration) =>
      write`${time} + ${Duration.toMillis(duration)} * interval '1 millisecond'`

    const selectModel = ({ provider, model_name }: ModelRef) => read<Model>`
      SELECT ${read.literal(columnsOf("m", modelColumns))} FROM models m
      WHERE m.provider = ${provider} AND m.model_name = ${model_name}`

    // Migrations give the models that come with the service ids of the epoch.
    const selectModels = (project_id: ProjectId, page: PageRequest<ModelRef>) => scan<Model>`
      WITH used AS (
        SELECT model_id FROM execution_rollups
        WHERE project_id = ${project_id} AND grain = 'ever' AND prompt_id IS NULL
        UNION SELECT model_id FROM (${unfolded(scan, scan`e.project_id = ${project_id}`)}) unfolded
      )
      SELECT ${scan.literal(columnsOf("m", modelColumns))} FROM models m
      WHERE (m.model_id < '00000001-0000-0000-0000-000000000000' OR m.model_id IN (SELECT model_id FROM used))
        ${page.after === undefined ? scan.literal("") : scan`AND (m.provider, m.model_name) > (${page.after.provider}::provider_name, ${page.after.model_name})`}
      ORDER BY m.provider, m.model_name LIMIT ${page.limit}`

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

    // IS TRUE keeps IN from becoming a join that compares each row with each.
    const insertExecutions = Effect.fnUntraced(function* (items: ReadonlyArray<Insertion>) {
      const time = yield* now
      const executions = items.map(({ execution }) => execution)
      return yield* write<Placed>`
        WITH given AS (
          SELECT * FROM unnest(
            ${uuids(executions.map((e) => e.execution_id))}, ${uuids(executions.map((e) => e.project_id))},
            ${uuids(executions.map((e) => e.prompt_id))}, ${uuids(executions.map((e) => e.version_id))},
            ${booleans(executions.map((e) => e.active_only))}, ${uuids(executions.map((e) => e.model_id))},
            ${texts(executions.map((e) => e.environment))}, ${texts(executions.map((e) => e.mode))}::text[]::execution_mode[],
            ${texts(executions.map((e) => e.correlation_id ?? null))},
            ${texts(executions.map((e) => e.idempotency?.key ?? null))},
            ${texts(executions.map((e) => e.idempotency?.fingerprint ?? null))},
            ${jsons(executions.map((e) => e.params))},
            ${texts(items.map(({ variables_json }) => variables_json))}::text[]::jsonb[],
            ${texts(executions.map((e) => e.rendered_prompt.text))},
            ${integers(executions.map((e) => e.rendered_prompt.bytes))},
            ${texts(executions.map((e) => e.rendered_prompt.sha256))},
            ${booleans(executions.map((e) => e.rendered_prompt.truncated))},
            ${integers(items.map(({ lease }) => Duration.toMillis(lease)))}
          ) WITH ORDINALITY AS g (
            execution_id, project_id, prompt_id, version_id, active_only, model_id, environment, execution_mode,
            correlation_id, idempotency_key, request_fingerprint, params, variables_json,
            rendered_prompt, rendered_prompt_bytes, rendered_prompt_sha256, truncated, lease_ms, place
          ) ORDER BY prompt_id, idempotency_key
        ), execution AS (
          INSERT INTO executions (
            execution_id, project_id, prompt_id, version_id, model_id, environment, execution_mode,
            correlation_id, idempotency_key, request_fingerprint, params,
            rendered_prompt, rendered_prompt_bytes, rendered_prompt_sha256, truncated, error_type,
            created_at, status, epoch, attempts, next_attempt_at, started_at, lease_expires_at
          )
          SELECT g.execution_id, g.project_id, g.prompt_id, g.version_id, g.model_id, g.environment, g.execution_mode,
            g.correlation_id, g.idempotency_key, g.request_fingerprint, g.params,
            g.rendered_prompt, g.rendered_prompt_bytes, g.rendered_prompt_sha256, g.truncated,
            CASE WHEN g.truncated THEN 'truncated' END,
            ${time}, CASE WHEN sync THEN 'running' ELSE 'queued' END::execution_status, sync::integer, sync::integer,
            CASE WHEN NOT sync THEN ${time} END, CASE WHEN sync THEN ${time} END,
            CASE WHEN sync THEN ${time} + g.lease_ms * interval '1 millisecond' END
          FROM given g CROSS JOIN LATERAL (SELECT g.execution_mode = 'sync') AS of_mode (sync)
          WHERE NOT g.active_only
            OR EXISTS (SELECT FROM prompts p WHERE p.prompt_id = g.prompt_id AND p.active_version_id = g.version_id)
          ON CONFLICT (prompt_id, idempotency_key) DO NOTHING
          RETURNING execution_id, epoch
        ), inserted AS (
          SELECT g.execution_id, g.variables_json, g.place FROM given g
          WHERE (g.execution_id IN (SELECT execution_id FROM execution)) IS TRUE
        ), inputs AS (
          INSERT INTO execution_inputs (execution_id, variables_json) SELECT execution_id, variables_json FROM inserted
        ), attempt AS (
          INSERT INTO execution_attempts (execution_id, attempt_number, started_at)
          SELECT execution_id, epoch, ${time} FROM execution WHERE epoch > 0
        )
        SELECT place::integer AS place FROM inserted`
    })

    /**
     * The execution of each `g`, looked up by its key whatever the planner takes for quicker, and locked. What waits for
     * locks takes them in the order of ids, so that no two wait for each other.
     */
    const locked = (how: Locking) => write`
      LATERAL (
        SELECT execution_id, epoch, status, next_attempt_at FROM executions e
        WHERE e.execution_id = g.execution_id LIMIT 1 ${write.literal(how)}
      ) AS e`

    /** Claims the executions that `free` has locked, each for its `lease_ms`. */
    const claim = (free: Fragment, time: Fragment) => write<ClaimedRow & Placed>`
      WITH free AS (${free}), claimed AS (
        UPDATE executions e SET
          status = 'running', epoch = e.epoch + 1, attempts = e.attempts + 1, next_attempt_at = NULL,
          lease_expires_at = ${time} + free.lease_ms * interval '1 millisecond',
          started_at = coalesce(e.started_at, ${time})
        FROM free WHERE e.execution_id = free.execution_id
        RETURNING e.*, free.place
      ), attempt AS (
        INSERT INTO execution_attempts (execution_id, attempt_number, started_at)
        SELECT execution_id, epoch, ${time} FROM claimed
      )
      SELECT e.place::integer AS place,
        e.execution_id, e.execution_mode AS mode, e.epoch, e.attempts, e.params,
        e.rendered_prompt, e.rendered_prompt_bytes, e.rendered_prompt_sha256,
        m.provider, m.model_name, v.template_source, v.checksum_hash, i.variables_json
      FROM claimed e
      JOIN models m ON m.model_id = e.model_id
      LEFT JOIN prompt_versions v
        ON v.version_id = e.version_id AND octet_length(e.rendered_prompt) < e.rendered_prompt_bytes
      LEFT JOIN execution_inputs i ON i.execution_id = e.execution_id AND v.version_id IS NOT NULL`

    const claimExecutions = Effect.fnUntraced(function* (items: ReadonlyArray<Claim>) {
      const time = yield* now
      const free = write`
        SELECT g.execution_id, g.lease_ms, g.place
        FROM unnest(
          ${uuids(items.map(({ execution_id }) => execution_id))}, ${integers(items.map(({ epoch }) => epoch))},
          ${integers(items.map(({ lease }) => Duration.toMillis(lease)))}
        ) WITH ORDINALITY AS g (execution_id, epoch, lease_ms, place)
        CROSS JOIN ${locked("FOR UPDATE SKIP LOCKED")}
        WHERE e.epoch = g.epoch AND e.status = 'queued' AND e.next_attempt_at <= ${time}`
      return yield* claim(free, time)
    })

    // What is queued has a time of its next attempt, and nothing else has: to ask for the status too would let the
    // planner, by statistics of an empty queue, read and sort a whole backlog by the index on it.
    const claimDue = Effect.fnUntraced(function* (limit: number, lease: Duration.Duration) {
      const time = yield* now
      const free = write`
        SELECT execution_id, ${Duration.toMillis(lease)}::integer AS lease_ms, 0 AS place FROM executions
        WHERE next_attempt_at <= ${time} ORDER BY next_attempt_at LIMIT ${limit} FOR UPDATE SKIP LOCKED`
      return yield* claim(free, time)
    })

    const renewLeases = Effect.fnUntraced(function* (
      leases: ReadonlyArray<Lease>,
      duration: Duration.Duration
    ) {
      return yield* write<Lease>`
        WITH given AS (
          SELECT * FROM unnest(
            ${uuids(leases.map(({ execution_id }) => execution_id))},
            ${integers(leases.map(({ epoch }) => epoch))}
          ) AS g (execution_id, epoch) ORDER BY execution_id
        ), free AS (
          SELECT g.execution_id FROM given g CROSS JOIN ${locked("FOR UPDATE SKIP LOCKED")}
          WHERE e.epoch = g.epoch AND e.status = 'running'
        ), renewed AS (
          UPDATE executions e SET lease_expires_at = ${after(yield* now, duration)}
          FROM free WHERE e.execution_id = free.execution_id
        )
        SELECT e.execution_id, e.epoch FROM given g CROSS JOIN LATERAL (
          SELECT * FROM executions e WHERE e.execution_id = g.execution_id LIMIT 1
        ) AS e WHERE e.epoch = g.epoch AND e.status = 'running'`
    })

    const finishAttempts = Effect.fnUntraced(function* (items: ReadonlyArray<Finish>) {
      const time = yield* now
      const succeeded = items.map(({ end }) => (end._tag === "Succeeded" ? end : undefined))
      const failed = items.map(({ end }) => (end._tag === "Failed" ? end : undefined))
      return yield* write<SummaryRow & Placed>`
        WITH given AS (
          SELECT * FROM unnest(
            ${uuids(items.map(({ execution_id }) => execution_id))}, ${integers(items.map(({ epoch }) => epoch))},
            ${texts(items.map(({ end }) => statusAfter(end)))}::text[]::execution_status[],
            ${texts(items.map(({ end }) => outcomeOf(end)))}::text[]::attempt_outcome[],
            ${integers(items.map(({ end }) => end.prompt_tokens))},
            ${integers(items.map(({ end }) => end.response_tokens))},
            ${integers(items.map(({ end }) => end.latency_ms))},
            ${texts(items.map(({ end }) => end.provider_request_id))},
            ${texts(succeeded.map((end) => end?.response.text ?? null))},
            ${integers(succeeded.map((end) => end?.response.bytes ?? null))},
            ${texts(succeeded.map((end) => end?.response.sha256 ?? null))},
            ${booleans(succeeded.map((end) => end?.response.truncated ?? false))},
            ${booleans(succeeded.map((end) => end?.replaced ?? false))},
            ${texts(failed.map((end) => end?.error_type ?? null))},
            ${texts(failed.map((end) => end?.error_message ?? null))},
            ${integers(failed.map((end) => end?.http_status ?? null))},
            ${floats(failed.map((end) => (end?.retry_after ? Duration.toMillis(end.retry_after) : null)))}
          ) WITH ORDINALITY AS g (
            execution_id, epoch, status, outcome, prompt_tokens, response_tokens, latency_ms, provider_request_id,
            response_text, response_bytes, response_sha256, truncated, replaced,
            error_type, error_message, http_status, retry_ms, place
          ) ORDER BY execution_id
        ), held AS (
          SELECT g.* FROM given g CROSS JOIN ${locked("FOR UPDATE")} WHERE e.epoch = g.epoch AND e.status = 'running'
        ), ended AS (
          UPDATE executions e SET
            status = g.status, lease_expires_at = NULL,
            completed_at = CASE WHEN g.status <> 'queued' THEN ${time} END,
            next_attempt_at = CASE WHEN g.status = 'queued' THEN ${time} + g.retry_ms * interval '1 millisecond' END,
            prompt_tokens = g.prompt_tokens, response_tokens = g.response_tokens, latency_ms = g.latency_ms,
            provider_request_id = g.provider_request_id, response_text = g.response_text,
            response_bytes = g.response_bytes, response_sha256 = g.response_sha256,
            truncated = e.truncated OR g.truncated,
            error_type = CASE g.status
              WHEN 'failed' THEN g.error_type
              WHEN 'queued' THEN e.error_type
              ELSE CASE WHEN e.truncated OR g.truncated THEN 'truncated' WHEN g.replaced THEN 'replaced' END
            END,
            error_message = CASE WHEN g.status = 'failed' THEN g.error_message END
          FROM held g WHERE e.execution_id = g.execution_id
          RETURNING e.*, g.place, g.outcome, g.http_status,
            g.error_type AS attempt_error_type, g.error_message AS attempt_error_message
        ), attempt AS (
          UPDATE execution_attempts a SET
            completed_at = ${time}, outcome = e.outcome, error_type = e.attempt_error_type,
            error_message = e.attempt_error_message, http_status = e.http_status,
            provider_request_id = e.provider_request_id, latency_ms = e.latency_ms,
            prompt_tokens = e.prompt_tokens, response_tokens = e.response_tokens
          FROM ended e WHERE a.execution_id = e.execution_id AND a.attempt_number = e.epoch
        )
        SELECT e.place::integer AS place, ${write.literal(summaryColumns)}
        FROM ended e ${write.literal(summaryJoins)}`
    })

    /** Ends attempts whose worker is gone: outcome unknown, and queued again unless too many were lost. */
    const loseAttempts = (which: Fragment, how: Locking, time: Fragment) => write<SummaryRow & Lease>`
      WITH lost AS (
        SELECT execution_id, execution_mode = 'async' AND lost_attempts + 1 < ${MAX_LOST_ATTEMPTS} AS again
        FROM executions WHERE status = 'running' AND ${which}
        ${write.literal(how)}
      ), ended AS (
        UPDATE executions e SET
          attempts = e.attempts - 1, lost_attempts = e.lost_attempts + 1, lease_expires_at = NULL,
          status = CASE WHEN lost.again THEN 'queued' ELSE 'failed' END::execution_status,
          next_attempt_at = CASE WHEN lost.again THEN ${time} END,
          completed_at = CASE WHEN NOT lost.again THEN ${time} END,
          error_type = CASE WHEN lost.again THEN e.error_type ELSE ${WORKER_LOST} END,
          error_message = CASE WHEN NOT lost.again THEN ${WORKER_LOST_MESSAGE} END
        FROM lost WHERE e.execution_id = lost.execution_id
        RETURNING e.*
      ), attempt AS (
        UPDATE execution_attempts a SET
          completed_at = ${time}, outcome = 'unknown', error_type = ${WORKER_LOST}, error_message = ${WORKER_LOST_MESSAGE}
        FROM ended WHERE a.execution_id = ended.execution_id AND a.attempt_number = ended.epoch
      )
      SELECT e.epoch, ${write.literal(summaryColumns)} FROM ended e ${write.literal(summaryJoins)}`

    const selectDue = Effect.fnUntraced(function* (grace: Duration.Duration, limit: number) {
      return yield* read<Lease>`
        SELECT execution_id, epoch FROM executions
        WHERE next_attempt_at < ${yield* now} - ${Duration.toMillis(grace)} * interval '1 millisecond'
        ORDER BY next_attempt_at LIMIT ${limit}`
    })

    const selectBacklog = Effect.gen(function* () {
      return yield* scan<Omit<Backlog, "oldest"> & { readonly oldest_seconds: number }>`
        SELECT count(*)::int AS queued,
          coalesce(extract(epoch FROM ${yield* now} - min(created_at)), 0)::float8 AS oldest_seconds,
          (SELECT count(*)::int FROM execution_rollups_pending) AS unfolded
        FROM executions WHERE status = 'queued'`
    })

    // Here and below, IS TRUE and limits keep the planner to the key: until a new ledger is analyzed for the first time, an
    // index by project, or from a prompt, looks as good for one execution.
    const lockExecution = (project_id: ProjectId, execution_id: ExecutionId) => write<{
      readonly status: ExecutionStatus
    }>`
      SELECT status FROM executions
      WHERE execution_id = ${execution_id} AND (project_id = ${project_id}) IS TRUE FOR UPDATE`

    const cancelExecution = Effect.fnUntraced(function* (execution_id: ExecutionId) {
      const time = yield* now
      yield* write`
        WITH canceled AS (
          UPDATE executions SET
            status = 'canceled', next_attempt_at = NULL, lease_expires_at = NULL, completed_at = ${time}
          WHERE execution_id = ${execution_id}
        )
        UPDATE execution_attempts SET completed_at = ${time}, outcome = 'canceled'
        WHERE execution_id = ${execution_id} AND outcome IS NULL`
    })

    /** The executions of these ids as `e`, each by a look-up of its own: the limit keeps the planner from reading them all. */
    const wanted = (items: ReadonlyArray<Wanted>) => read`
      unnest(
        ${uuids(items.map(({ execution_id }) => execution_id))}, ${uuids(items.map(({ project_id }) => project_id))}
      ) WITH ORDINALITY AS g (execution_id, project_id, place)
      CROSS JOIN LATERAL (
        SELECT * FROM executions e
        WHERE e.execution_id = g.execution_id AND (e.project_id = g.project_id) IS TRUE LIMIT 1
      ) AS e`

    const selectStatuses = (items: ReadonlyArray<Wanted>) => read<
      { readonly status: ExecutionStatus } & Placed
    >`
      SELECT g.place::integer AS place, e.status
      FROM ${wanted(items)}`

    const selectExecutionsById = (items: ReadonlyArray<Wanted>) => read<ExecutionRow & Placed>`
      SELECT g.place::integer AS place, ${read.literal(summaryColumns)}, e.response_text
      FROM ${wanted(items)} ${read.literal(summaryJoins)}`

    const selectLineage = (project_id: ProjectId, execution_id: ExecutionId) => read<LineageRow>`
      SELECT ${read.literal(summaryColumns)}, e.response_text,
        e.rendered_prompt, e.rendered_prompt_bytes, e.rendered_prompt_sha256, e.response_bytes, e.response_sha256,
        i.variables_json,
        ${read.literal(columnsOf("p", promptColumns, "prompt_"))},
        ${read.literal(columnsOf("v", contentColumns, "version_"))},
        ${read.literal(columnsOf("m", modelColumns, "model_"))},
        (SELECT jsonb_agg(to_jsonb(a) - 'execution_id' ORDER BY a.attempt_number)
         FROM execution_attempts a WHERE a.execution_id = e.execution_id) AS attempt_rows
      FROM ${wanted([{ execution_id, project_id }])} ${read.literal(summaryJoins)}
      LEFT JOIN execution_inputs i ON i.execution_id = e.execution_id`

    const selectExecutions = (
      project_id: ProjectId,
      { prompt_name, version_number, status, environment, correlation_id, from, to }: ExecutionFilter,
      page: PageRequest<ExecutionPosition>
    ) => {
      const prompt = scan`SELECT prompt_id FROM prompts WHERE project_id = ${project_id} AND name = ${prompt_name}`
      // Indexes of only these serve a statement that itself says that it asks for one of them.
      const unsuccessful = status === "failed" || status === "canceled"
      const conditions = [
        scan`e.project_id = ${project_id}`,
        // A version has one prompt: saying so again would only mislead the planner, but for indexes by prompt and more.
        prompt_name !== undefined &&
          (version_number === undefined || unsuccessful || environment !== undefined) &&
          scan`e.prompt_id = (${prompt})`,
        version_number !== undefined &&
          scan`e.version_id = (
            SELECT version_id FROM prompt_versions
            WHERE prompt_id = (${prompt}) AND version_number = ${version_number})`,
        status !== undefined && scan`e.status = ${unsuccessful ? scan.literal(`'${status}'`) : status}`,
        environment !== undefined && scan`e.environment = ${environment}`,
        correlation_id !== undefined && scan`e.correlation_id = ${correlation_id}`,
        from !== undefined && scan`e.created_at >= ${from}`,
        to !== undefined && scan`e.created_at < ${to}`,
        page.after !== undefined &&
          scan`(e.created_at, e.execution_id) < (${page.after.created_at}, ${page.after.execution_id})`
      ]
      return scan<SummaryRow>`
        SELECT ${scan.literal(summaryColumns)}
        FROM executions e ${scan.literal(summaryJoins)}
        WHERE ${scan.and(conditions.filter((condition) => condition !== false))}
        ORDER BY e.created_at DESC, e.execution_id DESC LIMIT ${page.limit}`
    }

    const models = new Map<string, Model>()
    const findModel = Effect.fnUntraced(function* (ref: ModelRef, key: string) {
      let [found] = yield* selectModel(ref)
      if (found === undefined) {
        yield* insertModel(ref)
        ;[found] = yield* selectModel(ref)
      }
      if (models.size >= MODELS_KEPT) models.clear()
      models.set(key, found!)
      return found!
    }, writing)
    const model = (ref: ModelRef) => {
      const key = `${ref.provider}/${ref.model_name}`
      const known = models.get(key)
      return known === undefined ? findModel(ref, key) : Effect.succeed(known)
    }

    const statusLane = yield* readingLane({ send: selectStatuses })
    const executionLane = yield* readingLane({ send: selectExecutionsById, items: POLLED })
    const insertLane = yield* writingLane({
      send: insertExecutions,
      bytesOf: ({ execution, variables_json }: Insertion) =>
        execution.rendered_prompt.text.length * 2 + variables_json.length
    })
    const claimLane = yield* writingLane({ send: claimExecutions })
    const finishLane = yield* writingLane({
      send: finishAttempts,
      bytesOf: ({ end }: Finish) => (end._tag === "Succeeded" ? end.response.text.length : 0)
    })

    return ExecutionStore.of({
      model,
      models: (project_id, page) => scanning(selectModels(project_id, page)),
      keyed: (project_id, prompt_name, key) =>
        Effect.map(reading(selectKeyed(project_id, prompt_name, key)), Array.head),

      insert: Effect.fnUntraced(function* (execution, lease) {
        const variables_json = JSON.stringify(execution.variables)
        if (Option.isSome(yield* insertLane({ execution, variables_json, lease })))
          return { _tag: "Inserted" } as const
        const { idempotency } = execution
        if (idempotency === undefined) return { _tag: "Superseded" } as const
        const [taken] = yield* writing(selectTaken(execution.prompt_id, idempotency.key))
        return taken === undefined
          ? ({ _tag: "Superseded" } as const)
          : ({ _tag: "Taken", ...taken } as const)
      }),

      claim: (wakeUp, lease) => Effect.map(claimLane({ ...wakeUp, lease }), Option.map(toClaimed)),
      claimDue: (limit, lease) => Effect.map(writing(claimDue(limit, lease)), (rows) => rows.map(toClaimed)),
      renew: (leases, duration) => writing(renewLeases(leases, duration)),
      finish: ({ execution_id, epoch }, end) =>
        Effect.map(finishLane({ execution_id, epoch, end }), Option.map(toSummary)),

      release: Effect.fnUntraced(function* ({ execution_id, epoch }) {
        const held = write`execution_id = ${execution_id} AND epoch = ${epoch}`
        // A heartbeat or an answer that has just locked the row is waited for.
        const rows = yield* loseAttempts(held, "FOR UPDATE", yield* now)
        return Option.map(Array.head(rows), toSummary)
      }, writing),
      recover: Effect.fnUntraced(function* (limit) {
        const time = yield* now
        // Asked for twice: a lease may be renewed while this waits for its row.
        const expired = write`lease_expires_at < ${time} AND execution_id = ANY (ARRAY(
          SELECT execution_id FROM executions WHERE status = 'running' AND lease_expires_at < ${time}
          ORDER BY lease_expires_at LIMIT ${limit}))`
        const rows = yield* loseAttempts(expired, "FOR UPDATE SKIP LOCKED", time)
        return rows.map((row) => ({ ...toSummary(row), epoch: row.epoch }))
      }, writing),
      backlog: Effect.map(scanning(selectBacklog), ([row]) => {
        const { oldest_seconds, ...rest } = row!
        return { ...rest, oldest: Duration.seconds(oldest_seconds) }
      }),
      due: (grace, limit) => reading(selectDue(grace, limit)),

      // A statement that waits for a lock still sees what was before: the attempt of a claim that it waited for is not there.
      cancel: (project_id, execution_id) =>
        Effect.gen(function* () {
          const [row] = yield* lockExecution(project_id, execution_id)
          if (row === undefined) return Option.none()
          const canceled = !isTerminal(row.status)
          if (canceled) yield* cancelExecution(execution_id)
          return Option.some({ ...row, canceled })
        }).pipe(write.withTransaction, writing),
      status: (project_id, execution_id) =>
        Effect.map(
          statusLane({ project_id, execution_id }),
          Option.map(({ status }) => status)
        ),
      get: (project_id, execution_id) =>
        Effect.map(executionLane({ project_id, execution_id }), Option.map(toExecution)),
      lineage: (project_id, execution_id) =>
        Effect.map(reading(selectLineage(project_id, execution_id)), (rows) =>
          Option.map(Array.head(rows), toLineage)
        ),
      list: (project_id, filter, page) =>
        Effect.map(scanning(selectExecutions(project_id, filter, page)), (rows) => rows.map(toSummary))
    })
  })
)

/** How rows are locked: those of others waited for, or left out. */
type Locking = "FOR UPDATE" | "FOR UPDATE SKIP LOCKED"

/** The place of a row's item in its batch, from 1. */
interface Placed {
  readonly place: number
}

interface Wanted {
  readonly project_id: ProjectId
  readonly execution_id: ExecutionId
}

interface Insertion {
  readonly execution: NewExecution
  readonly variables_json: string
  readonly lease: Duration.Duration
}

interface Claim extends Lease {
  readonly lease: Duration.Duration
}

interface Finish extends Lease {
  readonly end: AttemptEnd
}

interface ClaimedRow extends Omit<ClaimedExecution, "source" | "rendered_prompt" | "model">, ModelRef {
  readonly rendered_prompt: string
  readonly rendered_prompt_bytes: number
  readonly rendered_prompt_sha256: string
  readonly template_source: string | null
  readonly checksum_hash: string | null
  readonly variables_json: Variables | null
}

const toClaimed = (row: ClaimedRow): ClaimedExecution => ({
  execution_id: row.execution_id,
  mode: row.mode,
  epoch: row.epoch,
  attempts: row.attempts,
  params: row.params,
  rendered_prompt: {
    text: row.rendered_prompt,
    bytes: row.rendered_prompt_bytes,
    sha256: row.rendered_prompt_sha256
  },
  model: { provider: row.provider, model_name: row.model_name },
  source:
    row.template_source === null
      ? undefined
      : {
          template_source: row.template_source,
          checksum_hash: row.checksum_hash!,
          variables: row.variables_json!
        }
})

type AttemptRow = {
  readonly [Field in keyof Attempt]: Attempt[Field] extends Date | null ? string | null : Attempt[Field]
}

type LineageRow = ExecutionRow & {
  readonly rendered_prompt: string | null
  readonly rendered_prompt_bytes: number
  readonly rendered_prompt_sha256: string
  readonly response_bytes: number | null
  readonly response_sha256: string | null
  readonly variables_json: Variables | null
  readonly attempt_rows: ReadonlyArray<AttemptRow> | null
}

const toLineage = (row: LineageRow): Lineage => ({
  execution: toRecord(row),
  attempts: (row.attempt_rows ?? []).map((attempt) => ({
    ...attempt,
    started_at: new Date(attempt.started_at!),
    completed_at: attempt.completed_at === null ? null : new Date(attempt.completed_at)
  })),
  version: versionOf(row)!,
  prompt: promptOf(row)!,
  model: modelOf(row)!,
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
    row.response_sha256 === null
      ? null
      : { text: row.response_text, bytes: row.response_bytes!, sha256: row.response_sha256 }
})
