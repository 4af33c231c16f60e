import { NodeRuntime } from "@effect/platform-node"
import { Layer, Redacted } from "effect"
import { Authentication, defaultSettings, Lifecycle, PromptLedger, Server } from "promptledger"

const { drain } = defaultSettings
const key = Redacted.make("an-admin-key-of-your-own")

const server = Layer.mergeAll(
  Lifecycle.layerStop,
  Layer.effectDiscard(Authentication.use(({ configure }) => configure(key)))
).pipe(
  Layer.provide(Server.layer({ port: 8000, host: "127.0.0.1", drain })),
  Layer.provide(PromptLedger.layerEmbedded({ dataDir: "data", settings: { drain } }))
)

NodeRuntime.runMain(Layer.launch(server))
