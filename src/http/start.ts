import { Console, Effect, Layer, Option, Redacted } from "effect"
import { HttpServer } from "effect/http"
import type { AppConfig } from "../layers/AppConfig.ts"
import { Authentication } from "../services/Authentication.ts"

/** Sees to it that there is an admin key: the configured one, or one made now, which is shown here and never again. */
export const adminKey = ({ apiKey }: AppConfig["Service"]) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const authentication = yield* Authentication
      if (apiKey !== undefined) return yield* authentication.configure(apiKey)
      const key = yield* authentication.first
      if (Option.isNone(key)) return
      yield* Console.log(
        `\nThis is the first start. The admin key, shown once and kept only as a hash:\n\n  ${Redacted.value(key.value)}\n`
      )
    })
  )

/** Tells whoever started the process where the API is, and what it does without. */
export const announce = ({ openai, database }: AppConfig["Service"]) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { address } = yield* HttpServer.HttpServer
      if (openai === undefined) {
        yield* Effect.logWarning("OPENAI_API_KEY is not set: the built-in echo answers in place of OpenAI")
      }
      if (database._tag === "Memory") yield* Effect.logWarning("DATA_DIR is memory: nothing is kept")
      yield* Effect.logInfo(
        `PromptLedger listens on ${HttpServer.formatAddress(address)}, documentation at /docs`
      )
    })
  )
