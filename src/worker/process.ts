import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import * as Server from "../http/Server.ts"
import { layerWorker } from "../layers/Live.ts"
import { runProcess } from "../layers/runProcess.ts"

const announce = Effect.logInfo("the worker is ready")

const announceAt = Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
  Effect.logInfo(`the worker is ready, and tells its state on ${HttpServer.formatAddress(address)}`)
)

runProcess((config) => {
  const { workerPort: port, host, settings } = config
  const worker =
    port === undefined
      ? Layer.effectDiscard(announce)
      : Layer.effectDiscard(announceAt).pipe(
          Layer.provide(Server.layerWorker({ port, host, drain: settings.drain }))
        )
  return worker.pipe(Layer.provideMerge(layerWorker(config)))
})
