import type { TestProject } from "vitest/node"
import { providePostgres, provideRedis } from "./servers.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** A PostgreSQL server whose account may make databases. */
    readonly databaseUrl: string
    readonly redisUrl: string
  }
}

/** Provides PostgreSQL and Redis for the whole run, and stops what it started. */
export default async (project: TestProject) => {
  const [postgres, redis] = await Promise.all([providePostgres(), provideRedis()])
  project.provide("databaseUrl", postgres.url)
  project.provide("redisUrl", redis.url)
  return async () => {
    await Promise.all([postgres.stop(), redis.stop()])
  }
}
