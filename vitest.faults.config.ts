import { defineConfig } from "vitest/config"

/** Faults played against real processes: `npm run test:faults`. */
export default defineConfig({
  test: {
    include: ["test/faults/**/*.test.ts"],
    globalSetup: ["test/support/globalSetup.ts"],
    reporters: ["./test/faults/reporter.ts"],
    // One seed for the whole run; that of the environment repeats a run.
    env: { SEED: process.env["SEED"] ?? String(Math.floor(Math.random() * 1e9)) },
    testTimeout: 300_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
    maxConcurrency: 4
  }
})
