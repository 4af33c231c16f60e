import { Effect, Layer } from "effect"
import type { Fragment } from "effect/sql/Statement"
import { noFigures } from "../../domain/figures.ts"
import type { ErrorCount, Figures } from "../../domain/figures.ts"
import type { GroupBy, GroupPosition } from "../../domain/grouping.ts"
import type { ProjectId, VersionId } from "../../domain/Ids.ts"
import { piecesOf, wholePart } from "../../domain/periods.ts"
import type { Grain, Span } from "../../domain/periods.ts"
import type { PromptMode } from "../../domain/Prompt.ts"
import { AnalyticsStore } from "../../services/AnalyticsStore.ts"
import type { AnalyticsFilter, GroupFigures, VersionFigures } from "../../services/AnalyticsStore.ts"
import { Database } from "./Database.ts"
import { factColumns, rollupColumns, rollupOfFact, unfolded } from "./facts.ts"

/** What groups of one kind are made of. */
interface Grouping {
  /** Key columns in the order of groups, each with what it is of: a part, its prompt `p`, version `v` or model `m`. */
  readonly keys: { readonly [column: string]: string }
  readonly order: "ASC" | "DESC"
  /** The rollups that can be used, coarsest first. */
  readonly grains: ReadonlyArray<Grain>
  /** Tells prompts apart: rollups over all prompts are of no use. */
  readonly byPrompt: boolean
}

const anyGrain = ["ever", "month", "day", "hour"] as const
const across = { order: "ASC", grains: anyGrain, byPrompt: false } as const
const byPrompt = { order: "ASC", grains: anyGrain, byPrompt: true } as const

const groupings: { readonly [By in GroupBy | "mode" | "version_id"]: Grouping } = {
  mode: { ...across, keys: { mode: "part.mode" } },
  prompt: { ...byPrompt, keys: { prompt_name: "p.name" } },
  version: { ...byPrompt, keys: { prompt_name: "p.name", version_number: "v.version_number" } },
  version_id: { ...byPrompt, keys: { version_id: "part.version_id" } },
  model: { ...across, keys: { provider: "m.provider::text", model_name: `m.model_name COLLATE "C"` } },
  environment: { ...across, keys: { environment: `part.environment COLLATE "C"` } },
  hour: { ...across, keys: { period: "part.period" }, order: "DESC", grains: ["hour"] },
  day: {
    ...across,
    keys: { period: "date_trunc('day', part.period, 'UTC')" },
    order: "DESC",
    grains: ["day", "hour"]
  }
}

interface Request extends AnalyticsFilter {
  readonly version_ids?: ReadonlyArray<VersionId>
  readonly after?: GroupPosition | undefined
  readonly limit?: number
}

/** Sums over the parts of a group. */
const figureColumns = `
  sum(executions)::float8 AS execution_count,
  coalesce(sum(executions) FILTER (WHERE status = 'succeeded'), 0)::float8 AS succeeded,
  coalesce(sum(executions) FILTER (WHERE status = 'failed'), 0)::float8 AS failed,
  coalesce(sum(executions) FILTER (WHERE status = 'canceled'), 0)::float8 AS canceled,
  (sum(latency_ms) FILTER (WHERE status = 'succeeded')
    / nullif(sum(latency_count) FILTER (WHERE status = 'succeeded'), 0))::float8 AS avg_latency_ms,
  sum(prompt_tokens)::float8 AS prompt_tokens,
  sum(response_tokens)::float8 AS response_tokens,
  CASE WHEN bool_and(has_price)
    THEN (sum(prompt_tokens * prompt_token_price + response_tokens * response_token_price) / 1e6)::float8 END AS cost_usd`

/** What is added up; prices as exact numbers, so that a cost is the same in whatever order. */
const partColumns = `
  part.status, part.error_type, part.executions, part.prompt_tokens, part.response_tokens,
  part.latency_ms, part.latency_count, part.latency_buckets, part.latency_counts,
  coalesce(m.prompt_token_price, 0)::numeric AS prompt_token_price,
  coalesce(m.response_token_price, 0)::numeric AS response_token_price,
  (part.prompt_tokens = 0 OR m.prompt_token_price IS NOT NULL)
    AND (part.response_tokens = 0 OR m.response_token_price IS NOT NULL) AS has_price`

type FiguresRow = Omit<Figures, "latencies" | "errors"> & {
  readonly latency_buckets: ReadonlyArray<number> | null
  readonly latency_counts: ReadonlyArray<number> | null
  readonly errors: ReadonlyArray<ErrorCount> | null
}

const toFigures = <Row extends FiguresRow>({ latency_buckets, latency_counts, errors, ...row }: Row) => ({
  ...row,
  errors: errors ?? [],
  latencies: { buckets: latency_buckets ?? [], counts: latency_counts ?? [] }
})

/** `AnalyticsStore` over PostgreSQL, a server's or PGlite's. */
export const layer = Layer.effect(
  AnalyticsStore,
  Effect.gen(function* () {
    const { read, reading } = yield* Database

    const within = (column: string, { from, to }: Span) => [
      ...(from === undefined ? [] : [read`${read.literal(column)} >= ${from}`]),
      ...(to === undefined ? [] : [read`${read.literal(column)} < ${to}`])
    ]

    /** The executions that a request is for, as rollups: whole periods, single executions at the edges, and unfolded ones. */
    const selectParts = (project_id: ProjectId, grouping: Grouping, request: Request) => {
      const { prompt_name, environment, version_ids } = request
      const prompt = read`(SELECT prompt_id FROM prompts WHERE project_id = ${project_id} AND name = ${prompt_name})`
      const conditions = (table: string, more: ReadonlyArray<Fragment>) => {
        const column = (name: string) => read.literal(`${table}.${name}`)
        return read.and([
          read`${column("project_id")} = ${project_id}`,
          ...(prompt_name === undefined ? [] : [read`${column("prompt_id")} = ${prompt}`]),
          ...(version_ids === undefined
            ? []
            : [read`${column("version_id")} = ANY (${version_ids}::uuid[])`]),
          ...(environment === undefined ? [] : [read`${column("environment")} = ${environment}`]),
          ...more
        ])
      }
      const scope = read.literal(
        grouping.byPrompt || prompt_name !== undefined ? "prompt_id IS NOT NULL" : "prompt_id IS NULL"
      )
      const rollups = (grain: Grain, span: Span) => read`
        SELECT ${read.literal(rollupColumns)} FROM execution_rollups r
        WHERE ${conditions("r", [scope, read`r.grain = ${grain}`, ...within("r.period", span)])}`
      const executions = (from: Fragment) => read`
        SELECT ${read.literal(rollupOfFact)} FROM (
          SELECT ${read.literal(factColumns)} FROM (${from}) e JOIN prompts p ON p.prompt_id = e.prompt_id
        ) fact`
      const created = (span: Span) => conditions("e", within("e.created_at", span))

      const pieces = piecesOf({ from: request.from, to: request.to }, grouping.grains)
      const whole = wholePart(pieces)
      const parts = pieces.map(({ grain, span }) =>
        grain === "none"
          ? executions(read`SELECT * FROM executions e WHERE ${created(span)}`)
          : rollups(grain, span)
      )
      if (whole !== undefined) parts.push(executions(unfolded(read, created(whole))))
      return read.join(" UNION ALL ", false)(parts)
    }

    const selectFigures = <Key>(
      project_id: ProjectId,
      group_by: keyof typeof groupings,
      request: Request
    ) => {
      const grouping = groupings[group_by]
      const names = Object.keys(grouping.keys)
      const keys = read.literal(names.join(", "))
      const keyColumns = Object.entries(grouping.keys).map(([name, of]) => `${of} AS ${name}`)
      const order = read.literal(names.map((name) => `${name} ${grouping.order}`).join(", "))
      const { mode, after, limit } = request
      const position = names.map((name) => read`${after?.[name as keyof typeof after]}`)
      const beyond = read.literal(grouping.order === "ASC" ? ">" : "<")
      return read<Key & FiguresRow>`
        WITH part (${read.literal(rollupColumns)}) AS NOT MATERIALIZED (
          ${selectParts(project_id, grouping, request)}
        ), keyed AS NOT MATERIALIZED (
          SELECT ${read.literal(keyColumns.join(", "))}, ${read.literal(partColumns)}
          FROM part
          JOIN models m ON m.model_id = part.model_id
          LEFT JOIN prompts p ON p.prompt_id = part.prompt_id
          LEFT JOIN prompt_versions v ON v.version_id = part.version_id
          ${mode === undefined ? read.literal("") : read`WHERE part.mode = ${mode}`}
        ), figures AS (
          SELECT ${keys}, ${read.literal(figureColumns)} FROM keyed
          ${after === undefined ? read.literal("") : read`WHERE (${keys}) ${beyond} (${read.join(", ", false)(position)})`}
          GROUP BY ${keys} ORDER BY ${order}
          ${limit === undefined ? read.literal("") : read`LIMIT ${limit}`}
        ), latencies AS (
          SELECT ${keys}, array_agg(bucket::int ORDER BY bucket) AS latency_buckets,
            array_agg(count::float8 ORDER BY bucket) AS latency_counts
          FROM (
            SELECT ${keys}, bucket, sum(count) AS count FROM (
              SELECT ${keys}, unnest(latency_buckets) AS bucket, unnest(latency_counts) AS count
              FROM keyed WHERE status = 'succeeded' AND (${keys}) IN (SELECT ${keys} FROM figures)
            ) counts GROUP BY ${keys}, bucket
          ) buckets GROUP BY ${keys}
        ), errors AS (
          SELECT ${keys},
            jsonb_agg(jsonb_build_object('error_type', error_type, 'count', count) ORDER BY count DESC, error_type) AS errors
          FROM (
            SELECT ${keys}, coalesce(error_type, 'unknown') COLLATE "C" AS error_type, sum(executions) AS count
            FROM keyed WHERE status = 'failed' AND (${keys}) IN (SELECT ${keys} FROM figures)
            GROUP BY ${keys}, error_type
          ) types GROUP BY ${keys}
        )
        SELECT * FROM figures LEFT JOIN latencies USING (${keys}) LEFT JOIN errors USING (${keys})
        ORDER BY ${order}`
    }

    const countPrompts = (project_id: ProjectId, { mode, prompt_name }: AnalyticsFilter) => read<{
      readonly mode: PromptMode
      readonly prompt_count: number
    }>`
      SELECT mode.mode, count(p.prompt_id)::int AS prompt_count
      FROM unnest(enum_range(NULL::prompt_mode)) AS mode (mode)
      LEFT JOIN prompts p ON p.mode = mode.mode AND p.project_id = ${project_id}
        ${prompt_name === undefined ? read.literal("") : read`AND p.name = ${prompt_name}`}
      ${mode === undefined ? read.literal("") : read`WHERE mode.mode = ${mode}`}
      GROUP BY mode.mode ORDER BY mode.mode`

    return AnalyticsStore.of({
      byMode: Effect.fnUntraced(function* (project_id, filter) {
        const [prompts, figures] = yield* Effect.all(
          [
            countPrompts(project_id, filter),
            selectFigures<{ readonly mode: PromptMode }>(project_id, "mode", filter)
          ],
          { concurrency: 2 }
        )
        return prompts.map(({ mode, prompt_count }) => {
          const row = figures.find((of) => of.mode === mode)
          return { ...(row === undefined ? noFigures : toFigures(row)), mode, prompt_count }
        })
      }, reading),
      groups: (project_id, filter, group_by, page) =>
        Effect.map(
          reading(selectFigures<GroupFigures>(project_id, group_by, { ...filter, ...page })),
          (rows) => rows.map(toFigures)
        ),
      versions: (project_id, filter, version_ids) =>
        Effect.map(
          reading(selectFigures<VersionFigures>(project_id, "version_id", { ...filter, version_ids })),
          (rows) => rows.map(toFigures)
        )
    })
  })
)
