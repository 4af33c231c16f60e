import { Effect, Layer } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import { AnalyticsStore } from "../../services/AnalyticsStore.ts"
import type { AnalyticsFilter, ModeAnalytics } from "../../services/AnalyticsStore.ts"
import { Database } from "./Database.ts"

/** `AnalyticsStore` over PostgreSQL, a server's or PGlite's. */
export const layer = Layer.effect(
  AnalyticsStore,
  Effect.gen(function* () {
    const { read, reading } = yield* Database

    const selectByMode = (project_id: ProjectId, filter: AnalyticsFilter) => {
      const prompts = [
        read`p.project_id = ${project_id}`,
        filter.prompt_name !== undefined && read`p.name = ${filter.prompt_name}`
      ].filter((condition) => condition !== false)
      const executions = [
        read`e.prompt_id = p.prompt_id`,
        filter.environment !== undefined && read`e.environment = ${filter.environment}`,
        filter.from !== undefined && read`e.created_at >= ${filter.from}`,
        filter.to !== undefined && read`e.created_at < ${filter.to}`
      ].filter((condition) => condition !== false)
      return read<ModeAnalytics>`
        SELECT mode.mode,
          count(DISTINCT p.prompt_id)::int AS prompt_count,
          count(e.execution_id)::int AS execution_count,
          (count(*) FILTER (WHERE e.status = 'succeeded'))::int AS succeeded,
          (count(*) FILTER (WHERE e.status = 'failed'))::int AS failed,
          (avg(e.latency_ms) FILTER (WHERE e.status = 'succeeded'))::float8 AS avg_latency_ms,
          coalesce(sum(e.prompt_tokens), 0)::float8 AS prompt_tokens,
          coalesce(sum(e.response_tokens), 0)::float8 AS response_tokens
        FROM unnest(enum_range(NULL::prompt_mode)) AS mode (mode)
        LEFT JOIN prompts p ON p.mode = mode.mode AND ${read.and(prompts)}
        LEFT JOIN executions e ON ${read.and(executions)}
        ${filter.mode === undefined ? read.literal("") : read`WHERE mode.mode = ${filter.mode}`}
        GROUP BY mode.mode ORDER BY mode.mode`
    }

    return AnalyticsStore.of({
      byMode: (project_id, filter) => reading(selectByMode(project_id, filter))
    })
  })
)
