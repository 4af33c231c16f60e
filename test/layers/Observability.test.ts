import { assert, describe, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { AppConfig } from "../../src/layers/AppConfig.ts"
import * as Observability from "../../src/layers/Observability.ts"

/** What a collector is sent by a process that makes one span. */
const sentWith = Effect.fnUntraced(function* (env: Record<string, string>) {
  const sent: Array<string> = []
  const collector = yield* Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const server = createServer((request, response) => {
        sent.push(request.url!)
        request.resume()
        response.setHeader("content-type", "application/json").end("{}")
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )
  const { port } = collector.address() as AddressInfo
  const given = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, LOG_LEVEL: "none", ...env }
  yield* Effect.gen(function* () {
    const config = yield* AppConfig
    yield* Effect.void.pipe(Effect.withSpan("a span"), Effect.provide(Observability.layer(config)))
  }).pipe(
    Effect.provide(AppConfig.layer),
    Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env: given }))
  )
  return sent
})

describe("OpenTelemetry", () => {
  it.live("is sent traces where an endpoint is given, and what else it is told", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* sentWith({ OTEL_TRACES_EXPORTER: "" }), ["/v1/traces"])
      assert.deepStrictEqual(yield* sentWith({ OTEL_TRACES_EXPORTER: "none" }), [])
      assert.include(yield* sentWith({ OTEL_METRICS_EXPORTER: "otlp" }), "/v1/metrics")
      assert.deepStrictEqual(yield* sentWith({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }), [])
    })
  )
})
