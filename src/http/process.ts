import { Layer } from "effect"
import { layerApi } from "../layers/Live.ts"
import { runProcess } from "../layers/runProcess.ts"
import { adminKey, announce } from "./start.ts"
import * as Server from "./Server.ts"

runProcess((config) =>
  announce(config).pipe(
    Layer.provide(Server.layer({ port: config.port, host: config.host, drain: config.settings.drain })),
    Layer.provide(adminKey(config)),
    Layer.provideMerge(layerApi(config))
  )
)
