import { defineConfig } from "vitest/config"

/** Faults played against real processes: `npm run test:faults`. */
export default defineConfig({
  test: {
    include: ["test/faults/**/*.test.ts"],
    globalSetup: ["test/support/globalSetup.ts"],
    reporters: ["./test/faults/reporter.ts"],
    testTimeout: 180_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
    maxConcurrency: 4
  }
})
