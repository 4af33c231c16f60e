import { Cause, Data, Effect } from "effect"
import { isSqlError } from "effect/sql/SqlError"
import type { SqlError } from "effect/sql/SqlError"
import { DatabaseUnavailable } from "../../services/DatabaseUnavailable.ts"

/**
 * SQLSTATE classes of an outage: connection, access, no such database, transaction rolled back, resources, operator, system;
 * and what a standby says to a write, and a lock's timeout.
 */
const OUTAGE = /^(?:08|28|3D|40|53|57|58)|^(?:25006|55P03)$/

/** What waits for another's locks says: a row of a batch that is alone in the way of the others. */
const LOCKED = /^(?:40P01|55P03)$/

/** SQLSTATE classes of a server that lacks something: disk, memory, or its own files. */
const EXHAUSTED = /^(?:53|58)/

/** SQLSTATE classes whose messages quote names of ours, but no values: constraints, and statements that are no good. */
const QUOTES_NAMES = /^(?:23|42)/

/**
 * A statement failed by a fault of ours. It is logged, and a server quotes in messages and details what it was sent;
 * so of those only what can hold no value is kept.
 */
export class StatementFailed extends Data.TaggedError("StatementFailed")<{ readonly message: string }> {}

const statementFailed = (error: SqlError): StatementFailed => {
  const code = codeOf(error)
  const said = QUOTES_NAMES.test(code) ? `: ${(error.reason.cause as Error).message}` : ""
  return new StatementFailed({ message: `${error.reason._tag}, SQLSTATE ${code}${said}` })
}

const codeOf = ({ reason }: SqlError) =>
  String((reason.cause as { readonly code?: unknown } | undefined)?.code)

const isOutage = (error: SqlError): boolean =>
  error.reason._tag === "ConnectionError" || OUTAGE.test(codeOf(error))

/** Whether the server answers, and yet can't do what is asked of it: a full disk refuses writes and nothing else. */
export const isExhausted = ({ cause }: DatabaseUnavailable): boolean =>
  isSqlError(cause) && EXHAUSTED.test(codeOf(cause))

/** An outage and a bug are both defects, but not the same one. */
export const defectOf = (error: SqlError): DatabaseUnavailable | StatementFailed =>
  isOutage(error) ? new DatabaseUnavailable({ cause: error }) : statementFailed(error)

/** Whether a statement was given up since another held a lock on a row of it. */
export const isLocked = (defect: unknown): boolean =>
  defect instanceof DatabaseUnavailable && isSqlError(defect.cause) && LOCKED.test(codeOf(defect.cause))

/** What a store does with a failing statement, also one that takes a transaction back: its failure is a defect already. */
export const orDefect = <A, E, R>(
  self: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, Exclude<E, SqlError>, R> =>
  Effect.catchCause(self, (cause) => {
    const error = Cause.squash(cause)
    return isSqlError(error) ? Effect.die(defectOf(error)) : Effect.failCause(cause)
  }) as Effect.Effect<A, Exclude<E, SqlError>, R>
