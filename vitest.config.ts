import { configDefaults, defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "test/faults/**"],
    globalSetup: ["test/support/globalSetup.ts"],
    setupFiles: ["test/support/watchConsole.ts"],
    silent: "passed-only",
    testTimeout: 30_000,
    hookTimeout: 60_000,
    coverage: {
      include: ["src/**/*.ts"],
      reporter: ["text-summary", "html", "json"],
      thresholds: {
        lines: 90,
        branches: 90,
        "src/domain/**": { lines: 100 },
        "src/services/**": { lines: 100 }
      }
    }
  }
})
