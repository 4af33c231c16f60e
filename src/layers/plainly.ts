import { Cause, Config, Console, Effect } from "effect"
import * as CliError from "effect/cli/CliError"
import { HttpServerError } from "effect/http"
import { MigrationError } from "effect/sql/Migrator"
import { isSqlError } from "effect/sql/SqlError"
import { DatabaseUnavailable } from "../services/DatabaseUnavailable.ts"
import { reasonOf } from "../services/reasonOf.ts"
import { ConfigInvalid, faultsOf } from "./AppConfig.ts"
import { DataDirUnavailable } from "./pglite/dataDirLock.ts"
import { defectOf, StatementFailed } from "./postgres/orDefect.ts"

/** Tells why a process failed: in one line what whoever started it can mend, and of anything else the whole cause. */
export const tellingWhy = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.tapCause(self, (cause) => {
    if (Cause.hasInterruptsOnly(cause)) return Effect.void
    const message = plainly(Cause.squash(cause))
    return message === undefined ? Effect.logError("the process failed", cause) : Console.error(message)
  })

/** What can be mended, without a stack. */
const plainly = (error: unknown): string | undefined => {
  if (error instanceof Config.ConfigError) return new ConfigInvalid({ faults: faultsOf(error) }).message
  if (error instanceof ConfigInvalid || error instanceof DataDirUnavailable) return error.message
  if (CliError.isCliError(error)) return messagesOf(error)
  if (error instanceof HttpServerError.ServeError)
    return `HOST and PORT cannot be used: ${reasonOf(error.cause)}`
  if (isSqlError(error)) {
    return error.reason.operation === "connect"
      ? `The database at DATABASE_URL cannot be reached: ${reasonOf(error)}`
      : plainly(defectOf(error))
  }
  if (error instanceof MigrationError) {
    return error.kind === "BadState" ? error.message : plainly(error.cause)
  }
  if (error instanceof DatabaseUnavailable) return `The database failed: ${reasonOf(error.cause)}`
  if (error instanceof StatementFailed) return `The database refused a statement: ${error.message}`
  return undefined
}

const messagesOf = (error: CliError.CliError) =>
  error._tag === "ShowHelp" ? error.errors.map(({ message }) => message).join("\n") : error.message
