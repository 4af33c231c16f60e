import { cpus, totalmem } from "node:os"

/** What machine figures are from. */
export const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  gigabytes: Math.round(totalmem() / 2 ** 30),
  node: process.version
}

/** Where and when figures were made: the head of every file of results. */
export const provenance = () => ({ machine, made_at: new Date().toISOString() })
