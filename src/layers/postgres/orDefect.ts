import { Effect } from "effect"
import { isSqlError } from "effect/sql/SqlError"
import type { SqlError } from "effect/sql/SqlError"
import { DatabaseUnavailable } from "../../services/DatabaseUnavailable.ts"

/** SQLSTATE classes of an outage: connection, transaction rolled back, resources, operator, system; and a lock's timeout. */
const OUTAGE = /^(?:08|40|53|57|58)|^55P03$/

/** SQLSTATE classes of a server that lacks something: disk, memory, or its own files. */
const EXHAUSTED = /^(?:53|58)/

const codeOf = ({ reason }: SqlError) =>
  String((reason.cause as { readonly code?: unknown } | undefined)?.code)

const isOutage = (error: SqlError): boolean =>
  error.reason._tag === "ConnectionError" || OUTAGE.test(codeOf(error))

/** Whether the server answers, and yet can't do what is asked of it: a full disk refuses writes and nothing else. */
export const isExhausted = ({ cause }: DatabaseUnavailable): boolean =>
  isSqlError(cause) && EXHAUSTED.test(codeOf(cause))

/** What a store does with a failing statement: an outage and a bug are both defects, but not the same one. */
export const orDefect = <A, E, R>(
  self: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, Exclude<E, SqlError>, R> =>
  Effect.catchIf(
    self,
    (error): error is SqlError => isSqlError(error),
    (error) => Effect.die(isOutage(error) ? new DatabaseUnavailable({ cause: error }) : error)
  ) as Effect.Effect<A, Exclude<E, SqlError>, R>
