import { Effect } from "effect"
import { join } from "node:path"
import { startNode } from "../test/support/processes.ts"
import { freePort } from "../test/support/servers.ts"
import type { makeFigures } from "./figures.ts"
import { CONTENT } from "./ground.ts"
import { CONNECTIONS, load } from "./load.ts"
import { untilReady } from "./processes.ts"
import type { Progress } from "./progress.ts"
import type { Plan } from "./round.ts"
import { send } from "./send.ts"
import type { Request } from "./send.ts"
import type { World } from "./world.ts"

const file = (path: string) => join(import.meta.dirname, "peers", path)

/** What others do, with the same provider, PostgreSQL and load as the service has. */
export const peers = Effect.fnUntraced(function* (
  world: World,
  plan: Plan,
  progress: Progress,
  { note, sample }: Pick<ReturnType<typeof makeFigures>, "note" | "sample">
) {
  yield* progress("the Portkey gateway")
  sample("portkey", yield* portkey(world, plan))
  for (const [name, title] of Object.entries({ pgBoss: "pg-boss", graphileWorker: "graphile-worker" })) {
    yield* progress(title)
    note(name, { perSecond: yield* queue(world, `${name}.ts`, plan.executions) })
  }
})

/** Calls through the gateway, which keeps no ledger. */
const portkey = (world: World, { duration }: Plan) =>
  Effect.gen(function* () {
    const port = yield* Effect.promise(freePort)
    const url = `http://127.0.0.1:${port}`
    const gateway = yield* startNode(
      [file("node_modules/@portkey-ai/gateway/build/start-server.js"), `--port=${port}`, "--headless"],
      { NODE_ENV: "production", TRUSTED_CUSTOM_HOSTS: "127.0.0.1" }
    )
    yield* untilReady(gateway, send({ url }))
    const request: Request = {
      url: `${url}/v1/chat/completions`,
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: "Bearer none",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": world.providerUrl
      },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: CONTENT }] })
    }
    yield* load(gateway.pid, request, { duration: 1 })
    return yield* load(gateway.pid, request, { duration })
  }).pipe(Effect.scoped)

/** Jobs that get done in a second, from the first one's sending to the last one's end, by one worker. */
const queue = (world: World, program: string, amount: number) =>
  Effect.gen(function* () {
    const env = {
      CONNECTIONS: String(CONNECTIONS),
      DATABASE_URL: world.databaseUrl,
      OPENAI_BASE_URL: world.providerUrl,
      CONTENT
    }
    const jobs = [Math.ceil(amount / 3), amount].map(String)
    const worker = yield* startNode([file(program), "work", ...jobs], env)
    yield* worker.says("ready")
    const sender = yield* startNode([file(program), "send", ...jobs], env)
    const [, started] = yield* sender.says(/started at (\d+)/)
    const [, ended] = yield* worker.says(/ended at (\d+)/)
    return (amount * 1e9) / Number(BigInt(ended!) - BigInt(started!))
  }).pipe(Effect.scoped)
