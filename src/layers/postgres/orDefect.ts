import { Effect } from "effect"
import { isSqlError } from "effect/sql/SqlError"
import type { SqlError } from "effect/sql/SqlError"
import { DatabaseUnavailable } from "../../services/DatabaseUnavailable.ts"

/** SQLSTATE classes of an outage: connection, transaction rolled back, resources, operator, system; and a lock's timeout. */
const OUTAGE = /^(?:08|40|53|57|58)|^55P03$/

const isOutage = ({ reason }: SqlError): boolean =>
  reason._tag === "ConnectionError" ||
  OUTAGE.test(String((reason.cause as { readonly code?: unknown } | undefined)?.code))

/** What a store does with a failing statement: an outage and a bug are both defects, but not the same one. */
export const orDefect = <A, E, R>(
  self: Effect.Effect<A, E | SqlError, R>
): Effect.Effect<A, Exclude<E, SqlError>, R> =>
  Effect.catchIf(
    self,
    (error): error is SqlError => isSqlError(error),
    (error) => Effect.die(isOutage(error) ? new DatabaseUnavailable({ cause: error }) : error)
  ) as Effect.Effect<A, Exclude<E, SqlError>, R>
