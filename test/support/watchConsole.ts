import { format } from "node:util"
import { watch } from "./canaries.ts"

/* Services without a logger of the test's own write to the console. */
for (const method of ["debug", "error", "info", "log", "warn"] as const) {
  const write = console[method]
  console[method] = (...args: ReadonlyArray<unknown>) => {
    watch("a line on the console", format(...args))
    write(...args)
  }
}
