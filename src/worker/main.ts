import { Effect, Layer } from "effect"
import { layerWorker } from "../layers/Live.ts"
import { runProcess } from "../layers/runProcess.ts"

runProcess((config) =>
  Layer.effectDiscard(Effect.logInfo("the worker is ready")).pipe(Layer.provide(layerWorker(config)))
)
