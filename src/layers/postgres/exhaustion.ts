import { Duration } from "effect"
import { DatabaseUnavailable } from "../../services/DatabaseUnavailable.ts"
import { isExhausted } from "./orDefect.ts"

/** How long a write that was refused for want of something counts: so long at least is a full disk told of. */
const REMEMBERED = Duration.seconds(3)

/** Remembers that a database lately refused to write for want of something, of which a full disk tells no reader. */
export const makeExhaustion = () => {
  let at = Number.NEGATIVE_INFINITY
  return {
    /** Told of each defect that a write ends with. */
    note: (defect: unknown) => {
      if (defect instanceof DatabaseUnavailable && isExhausted(defect)) at = performance.now()
    },
    exhausted: () => performance.now() - at < Duration.toMillis(REMEMBERED)
  }
}
