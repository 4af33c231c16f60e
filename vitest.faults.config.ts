import { defineConfig } from "vitest/config"
import { BaseSequencer } from "vitest/node"
import type { TestSpecification } from "vitest/node"

/** By name: what embeds and what is played go side by side, and the naive run comes after. */
class InOrder extends BaseSequencer {
  override async sort(files: Array<TestSpecification>) {
    return files.toSorted((a, b) => a.moduleId.localeCompare(b.moduleId))
  }
}

/** Faults played against real processes: `npm run test:faults`. */
export default defineConfig({
  test: {
    include: ["test/faults/**/*.test.ts"],
    globalSetup: ["test/support/globalSetup.ts"],
    reporters: ["./test/faults/reporter.ts"],
    sequence: { sequencer: InOrder },
    testTimeout: 300_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    maxConcurrency: 4
  }
})
