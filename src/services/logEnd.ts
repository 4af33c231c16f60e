import { Effect } from "effect"
import { isTerminal } from "../domain/Execution.ts"
import type { ExecutionSummary } from "../domain/Execution.ts"

/** One line for each execution, when it has ended (design section 6): ids and numbers, never texts. */
export const logEnd = ({ telemetry, ...execution }: ExecutionSummary): Effect.Effect<void> =>
  isTerminal(execution.status)
    ? Effect.logInfo("execution finished").pipe(
        Effect.annotateLogs({
          execution_id: execution.execution_id,
          status: execution.status,
          mode: execution.mode,
          provider: telemetry.provider,
          model_name: telemetry.model_name,
          latency_ms: telemetry.latency_ms,
          prompt_tokens: telemetry.prompt_tokens,
          response_tokens: telemetry.response_tokens,
          attempts: execution.attempts,
          error_type: execution.error_type
        })
      )
    : Effect.void
