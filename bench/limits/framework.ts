/*
 * The bare framework: an `HttpApi` with the service's own schemas, whose handlers answer constants. The bodies are the
 * service's, given as JSON in `PROMPT` and `EXECUTION`.
 */
import { NodeHttpServer, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer, Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { createServer } from "node:http"
import { Execution } from "../../src/domain/Execution.ts"
import { ExecutionId } from "../../src/domain/Ids.ts"
import { PromptName } from "../../src/domain/Prompt.ts"
import { Accepted, RunPrompt } from "../../src/http/api/ExecutionsApi.ts"
import { PromptDetail } from "../../src/http/api/PromptsApi.ts"

const given = <A, I>(schema: Schema.Codec<A, I>, variable: string) =>
  Effect.succeed(Schema.decodeUnknownSync(Schema.toCodecJson(schema))(JSON.parse(process.env[variable]!)))

const params = {}

class Bare extends HttpApi.make("bare").add(
  HttpApiGroup.make("bare").add(
    HttpApiEndpoint.get("prompt", "/v1/prompts/:name", {
      params: { name: PromptName },
      success: PromptDetail
    }),
    HttpApiEndpoint.get("execution", "/v1/executions/:execution_id", {
      params: { execution_id: ExecutionId },
      success: Execution
    }),
    HttpApiEndpoint.post("run", "/v1/executions:run", { params, payload: RunPrompt, success: Execution }),
    HttpApiEndpoint.post("submit", "/v1/executions:submit", {
      params,
      payload: RunPrompt,
      success: Accepted.pipe(HttpApiSchema.status("Accepted"))
    })
  )
) {}

const handlers = HttpApiBuilder.group(
  Bare,
  "bare",
  Effect.fnUntraced(function* (handle) {
    const prompt = yield* given(PromptDetail, "PROMPT")
    const execution = yield* given(Execution, "EXECUTION")
    const { execution_id } = execution
    return handle.handleAll({
      prompt: () => Effect.succeed(prompt),
      execution: () => Effect.succeed(execution),
      run: () => Effect.succeed(execution),
      submit: () => Effect.succeed({ execution_id, status: "queued" as const, mode: "async" as const })
    })
  })
)

const announce = Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
  Effect.sync(() => console.log(`listens on ${HttpServer.formatAddress(address)}`))
)

Layer.effectDiscard(announce).pipe(
  Layer.provideMerge(
    HttpRouter.serve(HttpApiBuilder.layer(Bare).pipe(Layer.provide(handlers)), {
      disableLogger: true,
      disableListenLog: true
    })
  ),
  Layer.provide(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })),
  Layer.launch,
  NodeRuntime.runMain
)
