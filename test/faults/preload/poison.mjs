// Kills this process when it sends a request that has the poison in its body.
import { subscribe } from "node:diagnostics_channel"

subscribe("undici:request:create", ({ request }) => {
  if (Buffer.from(request.body ?? "").includes("poison")) process.kill(process.pid, "SIGKILL")
})
