import { HttpApi, OpenApi } from "effect/http-api"
import { AccessApi } from "./AccessApi.ts"
import { AnalyticsApi, ModelsApi } from "./AnalyticsApi.ts"
import { complete, problemsElsewhere } from "./document.ts"
import { ExecutionsApi } from "./ExecutionsApi.ts"
import { PromptsApi } from "./PromptsApi.ts"
import { SystemApi } from "./SystemApi.ts"

/** A typing slip in a request must not pass for an option that was not given. */
const strict = { errors: "all", onExcessProperty: "error" } as const

/** The whole contract: handlers, OpenAPI document and typed client are made of it. */
export class Api extends HttpApi.make("promptledger")
  .add(PromptsApi, ExecutionsApi, AnalyticsApi, ModelsApi, AccessApi, SystemApi)
  .annotate(HttpApi.ParamsParseOptions, { errors: "all" })
  .annotate(HttpApi.QueryParseOptions, strict)
  .annotate(HttpApi.HeadersParseOptions, { errors: "all" })
  .annotate(HttpApi.PayloadParseOptions, strict)
  .annotate(HttpApi.AdditionalSchemas, problemsElsewhere)
  .annotateMerge(
    OpenApi.annotations({
      title: "PromptLedger",
      version: "1",
      description:
        "A prompt registry, execution and lineage service. An unknown path is answered with the response `NotFound`, a method that a path does not take with `MethodNotAllowed`.",
      license: { name: "MIT" },
      transform: complete
    })
  ) {}
