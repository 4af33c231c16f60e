import { ConfigProvider, Layer, Logger, References } from "effect"
import { FetchHttpClient } from "effect/http"
import * as Otlp from "effect/observability/Otlp"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import type { AppConfig } from "./AppConfig.ts"

/** Logs on standard output: for people on a terminal, and a JSON object a line elsewhere. */
const logs = ({ logFormat, logLevel }: AppConfig["Service"]) =>
  Layer.mergeAll(
    Logger.layer([logFormat === "pretty" ? Logger.consolePretty() : Logger.consoleJson]),
    Layer.succeed(References.MinimumLogLevel, logLevel)
  )

/** Who gives an endpoint wants traces, as OpenTelemetry has it; metrics are scraped and logs printed unless told otherwise. */
const defaults = ConfigProvider.fromUnknown({ OTEL_TRACES_EXPORTER: "otlp" })

/**
 * OpenTelemetry traces, metrics and logs, by the standard `OTEL_*` variables. Nothing where no endpoint is set: spans
 * that nobody sees would double what a statement costs.
 */
const telemetry = Otlp.layerFromConfig({ resource: { serviceName: "promptledger" } }).pipe(
  Layer.provide([
    OtlpSerialization.layerJson,
    FetchHttpClient.layer,
    ConfigProvider.layerAdd(defaults, { asPrimary: false })
  ])
)
const noTelemetry = Layer.succeed(References.TracerEnabled, false)

export const layer = (config: AppConfig["Service"]) =>
  Layer.provideMerge(config.telemetry ? Layer.orDie(telemetry) : noTelemetry, logs(config))
