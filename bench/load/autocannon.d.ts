/** What is used of autocannon, which is installed in this folder only when the benchmark runs. */
declare module "autocannon" {
  import type { EventEmitter } from "node:events"

  export interface Options {
    readonly url: string | ReadonlyArray<string>
    readonly method?: string
    readonly headers?: Record<string, string>
    readonly body?: string
    readonly connections: number
    readonly duration?: number
    readonly amount?: number
  }

  export interface Result {
    readonly errors: number
    readonly non2xx: number
  }

  export default function autocannon(
    options: Options,
    done: (error: Error | null, result: Result) => void
  ): EventEmitter
}
