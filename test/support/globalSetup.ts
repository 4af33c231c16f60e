import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestProject } from "vitest/node"
import { providePostgres, provideRedis } from "./servers.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** A PostgreSQL server whose account may make databases. */
    readonly databaseUrl: string
    readonly redisUrl: string
    /** A file for what services let out and should not have. */
    readonly leaks: string
  }
}

/** Provides PostgreSQL and Redis for the whole run, stops what it started, and fails the run if anything leaked in it. */
export default async (project: TestProject) => {
  const [postgres, redis] = await Promise.all([providePostgres(), provideRedis()])
  project.provide("databaseUrl", postgres.url)
  project.provide("redisUrl", redis.url)
  const folder = mkdtempSync(join(tmpdir(), "promptledger-leaks-"))
  const leaks = join(folder, "leaks")
  writeFileSync(leaks, "")
  project.provide("leaks", leaks)
  return async () => {
    const found = readFileSync(leaks, "utf8")
    rmSync(folder, { recursive: true })
    await Promise.all([postgres.stop(), redis.stop()])
    if (found !== "") throw new Error(`services have let out what they must not:\n${found}`)
  }
}
