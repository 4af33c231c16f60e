import * as CliError from "effect/cli/CliError"
import { HttpServerError } from "effect/http"
import { isSqlError } from "effect/sql/SqlError"
import { ConfigInvalid } from "./AppConfig.ts"
import { DataDirInUse } from "./pglite/dataDirLock.ts"

/** What whoever starts the process can mend is told plainly, without a stack. */
export const plainly = (error: unknown): string | undefined => {
  if (error instanceof ConfigInvalid || error instanceof DataDirInUse) return error.message
  if (CliError.isCliError(error)) return messagesOf(error)
  if (error instanceof HttpServerError.ServeError)
    return `HOST and PORT cannot be used: ${reasonOf(error.cause)}`
  if (isSqlError(error) && UNREACHABLE.has(error.reason._tag)) {
    return `The database at DATABASE_URL cannot be reached: ${reasonOf(error.reason.cause)}`
  }
  return undefined
}

const messagesOf = (error: CliError.CliError) =>
  error._tag === "ShowHelp" ? error.errors.map(({ message }) => message).join("\n") : error.message

const UNREACHABLE = new Set(["ConnectionError", "AuthenticationError"])
const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))
