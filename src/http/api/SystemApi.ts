import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { RequestCheck } from "./RequestCheck.ts"

const PartState = Schema.Literals(["ok", "unavailable"])
const parts = { parts: Schema.Struct({ database: PartState, queue: PartState }) }

/** Liveness, readiness and metrics; the only calls without a key. */
export class SystemApi extends HttpApiGroup.make("system", { topLevel: true })
  .add(
    HttpApiEndpoint.get("health", "/health", {
      success: Schema.Struct({ status: Schema.Literal("ok") })
    }).annotate(OpenApi.Summary, "The process is alive"),
    HttpApiEndpoint.get("ready", "/ready", {
      success: [
        Schema.Struct({ status: Schema.Literal("ready"), ...parts }),
        Schema.Struct({ status: Schema.Literals(["stopping", "unavailable"]), ...parts }).pipe(
          HttpApiSchema.status("ServiceUnavailable")
        )
      ]
    }).annotate(OpenApi.Summary, "The process can serve: the state of each part"),
    HttpApiEndpoint.get("metrics", "/metrics", {
      success: Schema.String.pipe(HttpApiSchema.asText({ contentType: "text/plain; version=0.0.4" }))
    }).annotate(OpenApi.Summary, "What the process measures of itself, for Prometheus")
  )
  .middleware(RequestCheck) {}
