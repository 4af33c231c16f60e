import { Layer } from "effect"
import { Server } from "promptledger"
import { adminKey, announce } from "../../../src/http/start.ts"
import { runProcess } from "../../../src/layers/runProcess.ts"
import { layerNaive } from "./layer.ts"

runProcess((config) =>
  announce(config).pipe(
    Layer.provide(Server.layer({ port: config.port, host: config.host, drain: config.settings.drain })),
    Layer.provide(adminKey(config)),
    Layer.provideMerge(layerNaive(config))
  )
)
