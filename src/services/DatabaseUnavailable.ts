import { Data } from "effect"

/**
 * The database is down, out of resources or too slow: the defect that stores die with, since it is no fault of what
 * was asked, and asking again later may do.
 */
export class DatabaseUnavailable extends Data.TaggedError("DatabaseUnavailable")<{
  readonly cause: unknown
}> {}
