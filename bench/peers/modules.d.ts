/** What is used of packages that are installed in this folder only when the benchmark runs. */
declare module "pg-boss" {
  export class PgBoss {
    constructor(options: { readonly connectionString: string; readonly max?: number })
    on(event: "error", listener: (error: Error) => void): this
    start(): Promise<this>
    createQueue(name: string, options?: { readonly notify?: boolean }): Promise<void>
    send(name: string, data: object): Promise<string | null>
    work(
      name: string,
      options: {
        readonly batchSize: number
        readonly burstWhenBatchFull: boolean
        readonly perJobResults: true
        readonly pollingIntervalSeconds: number
      },
      handler: (
        jobs: ReadonlyArray<{ readonly id: string }>
      ) => Promise<ReadonlyArray<{ readonly id: string; readonly status: "completed" }>>
    ): Promise<string>
  }
}

declare module "graphile-worker" {
  interface Preset {
    readonly worker: {
      readonly connectionString: string
      readonly concurrentJobs?: number
      readonly maxPoolSize?: number
      readonly localQueue?: { readonly size: number }
      readonly completeJobBatchDelay?: number
    }
  }
  export class Logger {
    constructor(factory: () => () => void)
    error(message: string): void
  }
  export const run: (options: {
    readonly preset: Preset
    readonly logger: Logger
    readonly taskList: Record<string, () => Promise<void>>
  }) => Promise<object>
  export const makeWorkerUtils: (options: { readonly preset: Preset; readonly logger: Logger }) => Promise<{
    readonly migrate: () => Promise<void>
    readonly addJob: (name: string, payload: object) => Promise<object>
  }>
}
