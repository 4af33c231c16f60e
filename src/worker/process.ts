import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import type { HttpServerError } from "effect/http"
import * as Server from "../http/Server.ts"
import { ConfigInvalid } from "../layers/AppConfig.ts"
import { layerWorker } from "../layers/Live.ts"
import { runProcess } from "../layers/runProcess.ts"
import { reasonOf } from "../services/reasonOf.ts"

const announce = Effect.logInfo("the worker is ready")

const announceAt = Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
  Effect.logInfo(`the worker is ready, and tells its state on ${HttpServer.formatAddress(address)}`)
)

const cannotServe = ({ cause }: HttpServerError.ServeError) =>
  Layer.effect(
    HttpServer.HttpServer,
    new ConfigInvalid({ faults: [`HOST, WORKER_PORT: ${reasonOf(cause)}`] })
  )

runProcess((config) => {
  const { workerPort: port, host, settings } = config
  const worker =
    port === undefined
      ? Layer.effectDiscard(announce)
      : Layer.effectDiscard(announceAt).pipe(
          Layer.provide(
            Server.layerWorker({ port, host, drain: settings.drain }).pipe(
              Layer.catchTag("ServeError", cannotServe)
            )
          )
        )
  return worker.pipe(Layer.provideMerge(layerWorker(config)))
})
