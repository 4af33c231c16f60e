import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { load } from "./load.ts"
import type { Extent } from "./load.ts"
import { startEntrypoint } from "./processes.ts"
import { ask } from "./send.ts"
import type { Request } from "./send.ts"

const newFolder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "promptledger-bench-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
)

/** One process with everything in it: how long it takes to start, over nothing and over data, and how fast it accepts. */
export const embedded = Effect.fnUntraced(function* (
  { put, submit }: { readonly put: Request; readonly submit: Request },
  warmUp: number,
  extent: Extent
) {
  const folder = yield* newFolder
  const apiKey = `bench-${randomUUID()}`
  const env = { DATA_DIR: folder, API_KEY: apiKey, RATE_LIMIT: "0", LOG_LEVEL: "warn", LOG_FORMAT: "json" }
  const start = Effect.gen(function* () {
    const before = performance.now()
    const process = yield* startEntrypoint("http/main", env)
    return { process, seconds: (performance.now() - before) / 1_000 }
  })
  const at = (url: string, request: Request): Request => ({
    ...request,
    url: url + new URL(request.url).pathname,
    headers: { ...request.headers, "x-api-key": apiKey }
  })

  const firstStart = yield* Effect.scoped(
    Effect.gen(function* () {
      const { process, seconds } = yield* start
      yield* ask(at(process.url, put))
      yield* process.stop()
      return seconds
    })
  )
  const { process, seconds: startAgain } = yield* start
  yield* load(process.pid, at(process.url, submit), { amount: warmUp })
  const sample = yield* load(process.pid, at(process.url, submit), extent)
  return { firstStart, startAgain, submit: sample }
}, Effect.scoped)
