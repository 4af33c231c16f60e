import { NodeHttpServer } from "@effect/platform-node"
import { Layer } from "effect"
import type { Duration } from "effect"
import { HttpRouter } from "effect/http"
import { HttpApiBuilder, HttpApiScalar } from "effect/http-api"
import { createServer } from "node:http"
import { Api } from "./api/Api.ts"
import * as authorize from "./authorize.ts"
import * as checkRequest from "./checkRequest.ts"
import * as edge from "./edge.ts"
import * as analytics from "./handlers/analytics.ts"
import * as executions from "./handlers/executions.ts"
import * as prompts from "./handlers/prompts.ts"
import * as system from "./handlers/system.ts"

/** A percent-encoded name of 255 characters. */
const MAX_PARAM_LENGTH = 3 * 255

const api = HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide([prompts.layer, executions.layer, analytics.analytics, analytics.models, system.layer]),
  Layer.provide([authorize.layer, checkRequest.layer])
)

/** Every route, over the services that it is given. */
export const layerRoutes = Layer.mergeAll(api, HttpApiScalar.layer(Api, { path: "/docs" }), edge.layer)

/** A server that hangs up, once it was told to close, on each connection that falls idle: clients keep theirs for long. */
const makeServer = () => {
  const server = createServer()
  server.on("request", (_, response) =>
    response.once("close", () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections())
    })
  )
  return server
}

/** The API on a port. Stopping takes no more requests and waits for those under way. */
export const layer = (options: {
  readonly port: number
  readonly host: string
  readonly drain: Duration.Duration
}) =>
  HttpRouter.serve(layerRoutes, {
    disableLogger: true,
    disableListenLog: true,
    routerConfig: { maxParamLength: MAX_PARAM_LENGTH }
  }).pipe(
    Layer.provideMerge(
      NodeHttpServer.layer(makeServer, {
        port: options.port,
        host: options.host,
        gracefulShutdownTimeout: options.drain
      })
    )
  )
