import { Data } from "effect"
import { reasonOf } from "./reasonOf.ts"

/**
 * The database is down, out of resources or too slow: the defect that stores die with, since it is no fault of what
 * was asked, and asking again later may do.
 */
export class DatabaseUnavailable extends Data.TaggedError("DatabaseUnavailable")<{
  readonly cause: unknown
}> {
  override get message(): string {
    return `the database is unavailable: ${reasonOf(this.cause)}`
  }
}
