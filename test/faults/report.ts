/** What one scenario has to report; the reporter gets it as the test's `meta`. */
export interface Report {
  readonly number: number
  readonly name: string
  /** Whose processes were played against. */
  readonly kit: string
  readonly seed: number
  readonly seconds: number
  readonly executions: number
  readonly faults: number
  readonly lost: number
  readonly extraCalls: number
  /** Named numbers, like times to recover in milliseconds. */
  readonly figures: Readonly<Record<string, number>>
  /** What the reader should know of how it was played. */
  readonly notes: ReadonlyArray<string>
  readonly violations: ReadonlyArray<string>
  /** The ends of the processes' logs, when something went wrong. */
  readonly logs: ReadonlyArray<string>
}

declare module "vitest" {
  interface TaskMeta {
    report?: Report
    /** Scenarios that caught the naive processes, and those that did not. */
    naive?: { readonly caught: ReadonlyArray<number>; readonly missed: ReadonlyArray<number> }
  }
}
