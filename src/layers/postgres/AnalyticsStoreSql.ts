import { Effect, Layer } from "effect"
import type { Fragment } from "effect/sql/Statement"
import { noFigures } from "../../domain/figures.ts"
import type { ErrorCount, Figures } from "../../domain/figures.ts"
import type { GroupPosition } from "../../domain/grouping.ts"
import type { ProjectId, VersionId } from "../../domain/Ids.ts"
import { piecesOf, wholePart } from "../../domain/periods.ts"
import type { Span } from "../../domain/periods.ts"
import type { PromptMode } from "../../domain/Prompt.ts"
import { AnalyticsStore } from "../../services/AnalyticsStore.ts"
import type { AnalyticsFilter, GroupFigures, VersionFigures } from "../../services/AnalyticsStore.ts"
import { Database } from "./Database.ts"
import { countedColumns, factColumns, partOfFacts, partOfRollups, summed, unfolded } from "./facts.ts"
import { groupings } from "./groupings.ts"
import type { Grouping } from "./groupings.ts"
import { sketchOfDigits } from "./latencies.ts"

interface FiguresRequest extends AnalyticsFilter {
  readonly version_ids?: ReadonlyArray<VersionId>
  readonly after?: GroupPosition | undefined
  readonly limit?: number
}

/** Sums over the parts of a group; prices as exact numbers, so that a cost is the same in whatever order it is added up. */
const figureColumns = `
  sum(executions)::float8 AS execution_count,
  coalesce(sum(executions) FILTER (WHERE status = 'succeeded'), 0)::float8 AS succeeded,
  coalesce(sum(executions) FILTER (WHERE status = 'failed'), 0)::float8 AS failed,
  coalesce(sum(executions) FILTER (WHERE status = 'canceled'), 0)::float8 AS canceled,
  (sum(latency_ms) FILTER (WHERE status = 'succeeded'))::float8
    / nullif(sum(latency_count) FILTER (WHERE status = 'succeeded'), 0)::float8 AS avg_latency_ms,
  sum(prompt_tokens)::float8 AS prompt_tokens,
  sum(response_tokens)::float8 AS response_tokens,
  sum(latencies)::text AS latencies,
  CASE WHEN bool_and((prompt_tokens = 0 OR m.prompt_token_price IS NOT NULL)
      AND (response_tokens = 0 OR m.response_token_price IS NOT NULL))
    THEN (sum(prompt_tokens * coalesce(m.prompt_token_price, 0)::numeric
      + response_tokens * coalesce(m.response_token_price, 0)::numeric) / 1e6)::float8 END AS cost_usd`

/** Until when executions are looked at: what follows after a period, latest first, is before it. */
const endOf = ({ to, after }: FiguresRequest): Date | undefined =>
  after === undefined || !("period" in after) || (to !== undefined && to < after.period) ? to : after.period

type FiguresRow = Omit<Figures, "latencies" | "errors"> & {
  readonly latencies: string | null
  readonly errors: ReadonlyArray<ErrorCount> | null
}

const toFigures = <Row extends FiguresRow>({ latencies, errors, ...row }: Row) => ({
  ...row,
  errors: errors ?? [],
  latencies: sketchOfDigits(latencies ?? "")
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

    /** The executions that a request is for, in parts: rollups of whole periods, and those that are looked at one by one. */
    const selectParts = (project_id: ProjectId, grouping: Grouping, request: FiguresRequest) => {
      const { mode, prompt_name, environment, version_ids, limit } = request
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
      const created = (span: Span) => conditions("e", within("e.created_at", span))

      const span = { from: request.from, to: endOf(request) }
      // A page of periods is as long as its limit: a period of which all was taken away would be missing from it.
      const pieces = piecesOf(span, grouping.grains, { subtract: grouping.order === "ASC" })
      const whole = wholePart(span)
      const single = pieces
        .filter(({ grain }) => grain === "none")
        .map(
          (piece) =>
            read`SELECT ${read.literal(countedColumns)} FROM executions e WHERE ${created(piece.span)}`
        )
      if (whole !== undefined) single.push(unfolded(read, created(whole)))
      const rollups = pieces
        .filter(({ grain }) => grain !== "none")
        .map(({ grain, sign, span: periods }) => {
          const which = conditions("r", [
            scope,
            read`r.grain = ${grain}`,
            ...(mode === undefined ? [] : [read`r.mode = ${mode}`]),
            ...within("r.period", periods)
          ])
          // Of periods, latest first, a page has no more than as many as its limit: older ones need not be read.
          const latest = read`
            AND r.period >= (SELECT min(period) FROM (
              SELECT DISTINCT period FROM execution_rollups r WHERE ${which} ORDER BY period DESC LIMIT ${limit}) latest)`
          return read`
            ${read.literal(partOfRollups(grouping.key, sign))}
            WHERE ${which} ${grouping.order === "DESC" && grain === grouping.grains[0] ? latest : read.literal("")}`
        })
      // The server leaves a left join out where nothing is asked of the prompt.
      const facts = read`
        SELECT ${read.literal(factColumns)} FROM (${unionAll(single)}) e
        LEFT JOIN prompts p ON p.prompt_id = e.prompt_id
        ${mode === undefined ? read.literal("") : read`WHERE p.mode = ${mode}`}`
      return { singles: partOfFacts(read, grouping.key, facts), rollups }
    }

    const unionAll = read.join(" UNION ALL ", false)

    const selectFigures = <Key>(
      project_id: ProjectId,
      group_by: keyof typeof groupings,
      request: FiguresRequest
    ) => {
      const grouping = groupings[group_by]
      const { after, limit } = request
      const { singles, rollups } = selectParts(project_id, grouping, request)
      const parts = unionAll([...rollups, read`SELECT * FROM singles`])
      const columns = Object.keys(grouping.names)
      const names = Object.entries(grouping.names)
        .map(([column, of]) => `${of} AS ${column}`)
        .join(", ")
      const of = read.join(", ")(Object.values(grouping.names).map((name) => read.literal(name)))
      const position = read.join(", ")(
        columns.map((column) => read`${after?.[column as keyof typeof after]}`)
      )
      const beyond = read.literal(grouping.order === "ASC" ? ">" : "<")
      const order = read.literal(columns.map((column) => `${column} ${grouping.order}`).join(", "))
      return read<Key & FiguresRow>`
        WITH singles AS MATERIALIZED (${singles}), summed AS MATERIALIZED (
          SELECT key, model_id, status, error_type, ${read.literal(summed)},
            sum(latencies) FILTER (WHERE status = 'succeeded') AS latencies
          FROM (${parts}) part GROUP BY key, model_id, status, error_type HAVING sum(executions) > 0
        ), figures AS MATERIALIZED (
          SELECT key, ${read.literal(names)}, ${read.literal(figureColumns)}
          FROM summed JOIN models m ON m.model_id = summed.model_id ${read.literal(grouping.joins ?? "")}
          ${after === undefined ? read.literal("") : read`WHERE ${of} ${beyond} ${position}`}
          GROUP BY key, ${read.literal(columns.join(", "))} ORDER BY ${order}
          ${limit === undefined ? read.literal("") : read`LIMIT ${limit}`}
        ), errors AS (
          SELECT key,
            jsonb_agg(jsonb_build_object('error_type', error_type, 'count', count) ORDER BY count DESC, error_type) AS errors
          FROM (
            SELECT key, coalesce(error_type, 'unknown') COLLATE "C" AS error_type, sum(executions) AS count
            FROM summed WHERE status = 'failed' GROUP BY key, error_type
          ) types GROUP BY key
        )
        SELECT ${read.literal(columns.join(", "))}, execution_count, succeeded, failed, canceled, errors, avg_latency_ms,
          latencies, prompt_tokens, response_tokens, cost_usd
        FROM figures LEFT JOIN errors USING (key)
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
