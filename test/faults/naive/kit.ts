import { join } from "node:path"
import type { Kit } from "../world.ts"

const ENTRYPOINTS = { "http/main": "api.ts", "worker/main": "worker.ts" } as const

/** The naive processes, over a database that lets them do as they like. */
export const naive: Kit = {
  name: "naive",
  args: (entrypoint) => [
    "--conditions=promptledger-source",
    join(import.meta.dirname, ENTRYPOINTS[entrypoint])
  ],
  prepare: ["ALTER TABLE executions DISABLE TRIGGER executions_guard"]
}
