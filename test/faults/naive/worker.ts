import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { Server, Worker } from "promptledger"
import { runProcess } from "../../../src/layers/runProcess.ts"
import { layerNaive } from "./layer.ts"

const announce = Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
  Effect.logInfo(`the naive worker tells its state on ${HttpServer.formatAddress(address)}`)
)

runProcess((config) =>
  Layer.effectDiscard(announce).pipe(
    Layer.provide(
      Server.layerWorker({ port: config.workerPort ?? 0, host: config.host, drain: config.settings.drain })
    ),
    Layer.provide(Worker.layer),
    Layer.provideMerge(layerNaive(config))
  )
)
