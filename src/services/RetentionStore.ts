import { Context } from "effect"
import type { Duration, Effect, Option } from "effect"
import type { RetentionBounds } from "../domain/retention.ts"

/** How many executions were dropped, or are to be, and of how many more the bodies. */
export interface Dropped {
  readonly executions: number
  readonly bodies: number
}

/**
 * Takes out of the ledger what is older than a bound, by the time that has passed since the execution ended; one that has
 * not ended stays as it is. Each call is one statement, and none while another process drops.
 */
export class RetentionStore extends Context.Service<
  RetentionStore,
  {
    /**
     * Drops the bodies of at most `limit` executions, oldest first, and says how many: prompt, variables, response and
     * error messages. Ids, numbers, lengths and hashes stay.
     */
    readonly dropBodies: (age: Duration.Duration, limit: number) => Effect.Effect<Option.Option<number>>

    /**
     * Drops at most `limit` executions with their inputs and attempts, oldest first, and says how many. What rollups
     * tell of them stays, also after a rebuild; so one that is not folded yet is left.
     */
    readonly dropExecutions: (age: Duration.Duration, limit: number) => Effect.Effect<Option.Option<number>>

    /** How much is older than the bounds. It may take as long as it needs. */
    readonly count: (bounds: RetentionBounds) => Effect.Effect<Dropped>
  }
>()("promptledger/services/RetentionStore") {}
