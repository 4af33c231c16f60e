import { Effect } from "effect"
import { join } from "node:path"
import type { Running } from "../test/support/processes.ts"
import { megabytes } from "./processes.ts"
import type { Memory } from "./slope.ts"

/** What lets a process be asked for its live heap. */
export const watchable = {
  NODE_OPTIONS: `--expose-gc --import=${join(import.meta.dirname, "tellHeap.ts")}`
}

/** Looks at the memory of a process that was started to be watched. */
export const watch = ({ pid, signal, output }: Running) => {
  const start = performance.now()
  const resident: Array<Memory> = []
  const heap: Array<Memory> = []
  const told = () => [...output().matchAll(/^heap (\d+)$/gm)].at(-1)?.[1]
  const at = (size: number): Memory => ({ seconds: (performance.now() - start) / 1_000, megabytes: size })
  return {
    pid,
    resident,
    heap,
    look: Effect.sync(() => resident.push(at(megabytes(pid)))),
    /** What is left of the heap when the garbage is gone. Collecting it takes a pause. */
    collect: Effect.gen(function* () {
      yield* signal("SIGUSR2")
      yield* Effect.sleep("1 second")
      const size = told()
      if (size === undefined) return yield* Effect.die(new Error("a process did not tell its heap"))
      heap.push(at(Number(size) / 2 ** 20))
    })
  }
}
