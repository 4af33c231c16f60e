import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Layer } from "effect"
import type { Duration } from "effect"
import { HttpRouter } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "./api/Api.ts"
import { WorkerApi } from "./api/WorkerApi.ts"
import * as authorize from "./authorize.ts"
import * as checkRequest from "./checkRequest.ts"
import * as docs from "./docs.ts"
import * as edge from "./edge.ts"
import * as access from "./handlers/access.ts"
import * as analytics from "./handlers/analytics.ts"
import * as executions from "./handlers/executions.ts"
import * as prompts from "./handlers/prompts.ts"
import * as system from "./handlers/system.ts"
import { connectionLimits, makeServer } from "./nodeServer.ts"
import type { ConnectionLimits } from "./nodeServer.ts"
import { routesOf } from "./routes.ts"

/** A percent-encoded name of 255 characters. */
const MAX_PARAM_LENGTH = 3 * 255

const OPENAPI = "/openapi.json"

/** Every route of the API, over the services that it is given. */
const api = Layer.mergeAll(
  HttpApiBuilder.layer(Api, { openapiPath: OPENAPI }).pipe(
    Layer.provide([
      prompts.layer,
      executions.layer,
      analytics.analytics,
      analytics.models,
      access.layer,
      system.layer
    ]),
    Layer.provide(authorize.layer)
  ),
  docs.layer,
  edge.layer(routesOf(Api, [OPENAPI, docs.DOCS]))
)

/** Every route of a worker. */
const worker = Layer.mergeAll(
  HttpApiBuilder.layer(WorkerApi).pipe(Layer.provide(system.worker)),
  edge.layer(routesOf(WorkerApi))
)

interface Options {
  readonly port: number
  readonly host: string
  /** How long stopping waits for the requests under way; it takes no more of them. */
  readonly drain: Duration.Duration
  /** What a client may take of a connection; sensible limits unless told. */
  readonly limits?: Partial<ConnectionLimits>
}

const serve = <R>(routes: Layer.Layer<never, never, R>, { port, host, drain, limits }: Options) =>
  HttpRouter.serve(routes.pipe(Layer.provide(checkRequest.layer)), {
    disableLogger: true,
    disableListenLog: true,
    routerConfig: { maxParamLength: MAX_PARAM_LENGTH }
  }).pipe(
    Layer.provideMerge(
      NodeHttpServer.layer(() => makeServer({ ...connectionLimits, ...limits }), {
        port,
        host,
        gracefulShutdownTimeout: drain
      })
    )
  )

/** The API on a port. */
export const layer = (options: Options) => serve(api, options)

/** A worker's state on a port, for whoever watches over it. */
export const layerWorker = (options: Options) => serve(worker, options)
