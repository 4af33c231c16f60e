import { cpus, totalmem } from "node:os"

/** What figures are of. */
export const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  gigabytes: Math.round(totalmem() / 2 ** 30),
  node: process.version
}
