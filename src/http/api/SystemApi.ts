import { Context, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { RequestCheck } from "./RequestCheck.ts"

const part = (description: string) => Schema.Literals(["ok", "unavailable"]).annotate({ description })
const parts = {
  parts: Schema.Struct({
    database: part("Whether the database answers: nothing goes without it."),
    queue: part("Whether the queue answers: without it, executions only start later.")
  }).annotate({ description: "The state of each part." })
}
const status = <const States extends ReadonlyArray<string>>(states: States) =>
  Schema.Literals(states).annotate({ description: "The state of the process." })

const about = (summary: string) =>
  Context.make(OpenApi.Summary, summary).pipe(Context.add(OpenApi.Description, "Takes no key."))

export class SystemApi extends HttpApiGroup.make("system", { topLevel: true })
  .add(
    HttpApiEndpoint.get("health", "/health", {
      success: Schema.Struct({ status: status(["ok"]) })
    }).annotateMerge(about("The process is alive")),
    HttpApiEndpoint.get("ready", "/ready", {
      success: [
        Schema.Struct({ status: status(["ready"]), ...parts }),
        Schema.Struct({ status: status(["stopping", "unavailable"]), ...parts }).pipe(
          HttpApiSchema.status("ServiceUnavailable")
        )
      ]
    }).annotateMerge(about("Whether the process can serve, and the state of each part")),
    HttpApiEndpoint.get("metrics", "/metrics", {
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/plain; version=0.0.4" }))
    }).annotateMerge(about("What the process measures of itself, for Prometheus"))
  )
  .middleware(RequestCheck)
  .annotate(OpenApi.Description, "Liveness, readiness and metrics: the only calls without a key.") {}
