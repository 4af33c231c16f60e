import { Effect, Layer } from "effect"
import type { Fragment } from "effect/sql/Statement"
import { noFigures } from "../../domain/figures.ts"
import type { ErrorCount, Figures } from "../../domain/figures.ts"
import type { GroupPosition } from "../../domain/grouping.ts"
import type { ProjectId, VersionId } from "../../domain/Ids.ts"
import { piecesOf, wholePart } from "../../domain/periods.ts"
import type { Span } from "../../domain/periods.ts"
import type { PromptMode } from "../../domain/Prompt.ts"
import type { AnalyticsFilter } from "../../domain/requests.ts"
import { AnalyticsStore } from "../../services/AnalyticsStore.ts"
import type { GroupFigures, VersionFigures } from "../../services/AnalyticsStore.ts"
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
    const { scan, scanning } = yield* Database

    const within = (column: string, { from, to }: Span) => [
      ...(from === undefined ? [] : [scan`${scan.literal(column)} >= ${from}`]),
      ...(to === undefined ? [] : [scan`${scan.literal(column)} < ${to}`])
    ]

    /** The executions that a request is for, in parts: rollups of whole periods, and those that are looked at one by one. */
    const selectParts = (project_id: ProjectId, grouping: Grouping, request: FiguresRequest) => {
      const { mode, prompt_name, environment, version_ids, limit } = request
      const prompt = scan`(SELECT prompt_id FROM prompts WHERE project_id = ${project_id} AND name = ${prompt_name})`
      const conditions = (table: string, more: ReadonlyArray<Fragment>) => {
        const column = (name: string) => scan.literal(`${table}.${name}`)
        return scan.and([
          scan`${column("project_id")} = ${project_id}`,
          ...(prompt_name === undefined ? [] : [scan`${column("prompt_id")} = ${prompt}`]),
          ...(version_ids === undefined
            ? []
            : [scan`${column("version_id")} = ANY (${version_ids}::uuid[])`]),
          ...(environment === undefined ? [] : [scan`${column("environment")} = ${environment}`]),
          ...more
        ])
      }
      const scope = scan.literal(
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
            scan`SELECT ${scan.literal(countedColumns)} FROM executions e WHERE ${created(piece.span)}`
        )
      if (whole !== undefined) single.push(unfolded(scan, created(whole)))
      const rollups = pieces
        .filter(({ grain }) => grain !== "none")
        .map(({ grain, sign, span: periods }) => {
          const which = conditions("r", [
            scope,
            scan`r.grain = ${grain}`,
            ...(mode === undefined ? [] : [scan`r.mode = ${mode}`]),
            ...within("r.period", periods)
          ])
          // Of periods, latest first, a page has no more than as many as its limit: older ones need not be read.
          const latest = scan`
            AND r.period >= (SELECT min(period) FROM (
              SELECT DISTINCT period FROM execution_rollups r WHERE ${which} ORDER BY period DESC LIMIT ${limit}) latest)`
          return scan`
            ${scan.literal(partOfRollups(grouping.key, sign))}
            WHERE ${which} ${grouping.order === "DESC" && grain === grouping.grains[0] ? latest : scan.literal("")}`
        })
      // The server leaves a left join out where nothing is asked of the prompt.
      const facts = scan`
        SELECT ${scan.literal(factColumns)} FROM (${unionAll(single)}) e
        LEFT JOIN prompts p ON p.prompt_id = e.prompt_id
        ${mode === undefined ? scan.literal("") : scan`WHERE p.mode = ${mode}`}`
      return { singles: partOfFacts(scan, grouping.key, facts), rollups }
    }

    const unionAll = scan.join(" UNION ALL ", false)

    const selectFigures = <Key>(
      project_id: ProjectId,
      group_by: keyof typeof groupings,
      request: FiguresRequest
    ) => {
      const grouping = groupings[group_by]
      const { after, limit } = request
      const { singles, rollups } = selectParts(project_id, grouping, request)
      const parts = unionAll([...rollups, scan`SELECT * FROM singles`])
      const columns = Object.keys(grouping.names)
      const names = Object.entries(grouping.names)
        .map(([column, of]) => `${of} AS ${column}`)
        .join(", ")
      const of = scan.join(", ")(Object.values(grouping.names).map((name) => scan.literal(name)))
      const position = scan.join(", ")(
        columns.map((column) => scan`${after?.[column as keyof typeof after]}`)
      )
      const beyond = scan.literal(grouping.order === "ASC" ? ">" : "<")
      const order = scan.literal(columns.map((column) => `${column} ${grouping.order}`).join(", "))
      return scan<Key & FiguresRow>`
        WITH singles AS MATERIALIZED (${singles}), summed AS MATERIALIZED (
          SELECT key, model_id, status, error_type, ${scan.literal(summed)},
            sum(latencies) FILTER (WHERE status = 'succeeded') AS latencies
          FROM (${parts}) part GROUP BY key, model_id, status, error_type HAVING sum(executions) > 0
        ), figures AS MATERIALIZED (
          SELECT key, ${scan.literal(names)}, ${scan.literal(figureColumns)}
          FROM summed JOIN models m ON m.model_id = summed.model_id ${scan.literal(grouping.joins ?? "")}
          ${after === undefined ? scan.literal("") : scan`WHERE ${of} ${beyond} ${position}`}
          GROUP BY key, ${scan.literal(columns.join(", "))} ORDER BY ${order}
          ${limit === undefined ? scan.literal("") : scan`LIMIT ${limit}`}
        ), errors AS (
          SELECT key,
            jsonb_agg(jsonb_build_object('error_type', error_type, 'count', count) ORDER BY count DESC, error_type) AS errors
          FROM (
            SELECT key, coalesce(error_type, 'unknown') COLLATE "C" AS error_type, sum(executions) AS count
            FROM summed WHERE status = 'failed' GROUP BY key, error_type
          ) types GROUP BY key
        )
        SELECT ${scan.literal(columns.join(", "))}, execution_count, succeeded, failed, canceled, errors, avg_latency_ms,
          latencies, prompt_tokens, response_tokens, cost_usd
        FROM figures LEFT JOIN errors USING (key)
        ORDER BY ${order}`
    }

    const countPrompts = (project_id: ProjectId, { mode, prompt_name }: AnalyticsFilter) => scan<{
      readonly mode: PromptMode
      readonly prompt_count: number
    }>`
      SELECT mode.mode, count(p.prompt_id)::int AS prompt_count
      FROM unnest(enum_range(NULL::prompt_mode)) AS mode (mode)
      LEFT JOIN prompts p ON p.mode = mode.mode AND p.project_id = ${project_id}
        ${prompt_name === undefined ? scan.literal("") : scan`AND p.name = ${prompt_name}`}
      ${mode === undefined ? scan.literal("") : scan`WHERE mode.mode = ${mode}`}
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
      }, scanning),
      groups: (project_id, filter, group_by, page) =>
        Effect.map(
          scanning(selectFigures<GroupFigures>(project_id, group_by, { ...filter, ...page })),
          (rows) => rows.map(toFigures)
        ),
      versions: (project_id, filter, version_ids) =>
        Effect.map(
          scanning(selectFigures<VersionFigures>(project_id, "version_id", { ...filter, version_ids })),
          (rows) => rows.map(toFigures)
        )
    })
  })
)
