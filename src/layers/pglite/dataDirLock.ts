import { Data, Effect } from "effect"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"

/** A data folder cannot be used: above all if another process has it, since two on one folder would destroy it. */
export class DataDirUnavailable extends Data.TaggedError("DataDirUnavailable")<{
  readonly dataDir: string
  readonly reason: string
}> {
  override get message(): string {
    return `${this.dataDir} cannot be opened: ${this.reason}`
  }
}

/**
 * Holds a data folder for this process until the scope closes. The lock is a file lock of the operating system's, taken
 * by SQLite: it goes with the process however that ends, so that no stale lock is ever left.
 */
export const lockDataDir = (dataDir: string) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        mkdirSync(dataDir, { recursive: true })
        const lock = new DatabaseSync(join(dataDir, "lock.sqlite"), { timeout: 0 })
        try {
          lock.exec("BEGIN EXCLUSIVE")
        } catch (cause) {
          lock.close()
          throw cause
        }
        writeFileSync(join(dataDir, "lock.pid"), String(process.pid))
        return lock
      },
      catch: (cause) => new DataDirUnavailable({ dataDir, reason: whyNotLocked(dataDir, cause) })
    }),
    (lock) => Effect.sync(() => lock.close())
  )

const whyNotLocked = (dataDir: string, cause: unknown): string => {
  if (!(cause instanceof Error) || !/locked/i.test(cause.message)) return String(cause)
  return `process ${holder(dataDir)} has it. Stop that process, or set DATA_DIR to another folder.`
}

const holder = (dataDir: string): string => {
  try {
    return readFileSync(join(dataDir, "lock.pid"), "utf8")
  } catch {
    return "of another program"
  }
}
