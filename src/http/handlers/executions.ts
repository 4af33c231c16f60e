import { Duration, Effect } from "effect"
import { HttpApiBuilder, HttpApiSchema } from "effect/http-api"
import type { ExecutionId } from "../../domain/Ids.ts"
import type { ExecutionRequest } from "../../domain/requests.ts"
import { Executions } from "../../services/Executions.ts"
import type { Accepted } from "../../services/Executions.ts"
import { Api } from "../api/Api.ts"
import { DEFAULT_LIMIT } from "../api/fields.ts"
import type { ExecutePrompt, RunPrompt } from "../api/ExecutionsApi.ts"
import { badRequest } from "../badRequest.ts"
import { inProject } from "../inProject.ts"
import { asProblem } from "../problemOf.ts"

const { withHeaders } = HttpApiSchema

export const layer = HttpApiBuilder.group(
  Api,
  "executions",
  Effect.fnUntraced(function* (handlers) {
    const executions = yield* Executions

    const run = ({ headers, payload }: Asked<typeof RunPrompt.Type>) =>
      withKey(headers, payload, (request) =>
        inProject((project) => executions.run(project, "full", request)).pipe(
          Effect.map(({ replayed, ...execution }) =>
            withHeaders({ body: execution, headers: replayedHeader(replayed) })
          ),
          asProblem
        )
      )

    const submit = ({ headers, payload }: Asked<typeof RunPrompt.Type>) =>
      withKey(headers, payload, (request) =>
        inProject((project) => executions.submit(project, "full", request)).pipe(
          Effect.map(({ execution_id, status, replayed }) =>
            withHeaders({
              body: { execution_id, status, mode: "async" as const },
              headers: acceptedHeaders(execution_id, replayed)
            })
          ),
          asProblem
        )
      )

    const executeSync = (request: ExecutionRequest) =>
      inProject((project) => executions.run(project, "tracking", request)).pipe(
        Effect.map(({ replayed, ...execution }) => {
          const { response_text, telemetry, truncated, error_type, error_message, bodies_dropped_at } =
            execution
          return withHeaders({
            body: {
              ...executed(execution),
              mode: "sync" as const,
              response_text,
              telemetry,
              truncated,
              error_type,
              error_message,
              bodies_dropped_at
            },
            headers: replayedHeader(replayed)
          })
        }),
        asProblem
      )

    const executeAsync = (request: ExecutionRequest) =>
      inProject((project) => executions.submit(project, "tracking", request)).pipe(
        Effect.map(({ replayed, ...accepted }) =>
          withHeaders({
            body: { ...executed(accepted), mode: "async" as const },
            headers: acceptedHeaders(accepted.execution_id, replayed)
          })
        ),
        asProblem
      )

    return handlers.handleAll({
      run,
      submit,
      runAlias: run,
      submitAlias: submit,

      execute: ({ headers, params, payload }) =>
        withKey(
          headers,
          toTrackingRequest(params.name, payload),
          Effect.fnUntraced(function* (request) {
            return payload.mode === "async" ? yield* executeAsync(request) : yield* executeSync(request)
          })
        ),

      get: ({ params: { execution_id }, query: { wait = 0 } }) =>
        inProject((project) => executions.get(project, execution_id, Duration.seconds(wait))).pipe(asProblem),

      list: ({ query: { limit = DEFAULT_LIMIT, cursor, ...filter } }) =>
        inProject((project) => executions.list(project, filter, { after: cursor, limit })).pipe(
          Effect.map(({ items, next }) => ({ executions: items, next_cursor: next })),
          asProblem
        ),

      lineage: ({ params: { execution_id } }) =>
        inProject((project) => executions.lineage(project, execution_id)).pipe(asProblem),

      cancel: ({ params: { execution_id } }) =>
        inProject((project) => executions.cancel(project, execution_id)).pipe(asProblem)
    })
  })
)

interface KeyHeader {
  readonly "idempotency-key"?: string
}
interface Asked<Payload> {
  readonly headers: KeyHeader
  readonly payload: Payload
}

const toTrackingRequest = (
  prompt_name: string,
  { version, model, model_name, mode: _, ...payload }: typeof ExecutePrompt.Type
): ExecutionRequest => ({
  ...payload,
  prompt_name,
  version_number: version,
  model: model_name === undefined ? model : { provider: "openai", model_name }
})

/** Goes on with the request's idempotency key, which the header and the body may both give, but not differently. */
const withKey = <A, E, R>(
  { "idempotency-key": header }: KeyHeader,
  request: ExecutionRequest,
  use: (request: ExecutionRequest) => Effect.Effect<A, E, R>
) => {
  const { idempotency_key: body } = request
  if (header !== undefined && body !== undefined && header !== body) {
    return badRequest([
      {
        path: ["payload", "idempotency_key"],
        message: "Expected the key that the header Idempotency-Key has"
      }
    ])
  }
  return use({ ...request, idempotency_key: header ?? body })
}

const executed = (
  execution: Pick<Accepted, "execution_id" | "prompt_name" | "version_number" | "status">
) => ({
  execution_id: execution.execution_id,
  prompt_name: execution.prompt_name,
  prompt_mode: "tracking" as const,
  version_used: execution.version_number,
  status: execution.status
})

const replayedHeader = (replayed: boolean) => (replayed ? { "idempotent-replayed": "true" as const } : {})

const acceptedHeaders = (execution_id: ExecutionId, replayed: boolean) => ({
  location: `/v1/executions/${execution_id}`,
  ...replayedHeader(replayed)
})
