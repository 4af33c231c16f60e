import type { Run } from "./Run.ts"
import type { Position } from "./syntax.ts"
import { defined, fail } from "./values.ts"
import { Helper } from "./Value.ts"
import type { Value } from "./Value.ts"

/** The functions that a template may call by name; each is given its arguments as they were written. */
export const functions: Record<string, (run: Run, at: Position, args: ReadonlyArray<Value>) => Value> = {
  range: (run, at, args) => {
    const [first, second, step = 1] = args.map((arg) => integer(arg, at))
    if (first === undefined || args.length > 3) return fail(at, "range takes 1 to 3 whole numbers")
    if (step === 0) return fail(at, "the step of a range cannot be 0")
    const [start, stop] = second === undefined ? [0, first] : [first, second]
    const length = Math.max(0, Math.ceil((stop - start) / step))
    run.spend(length)
    return Array.from({ length }, (_, index) => start + index * step)
  },
  cycler: (_, at, args) => {
    if (args.length === 0) return fail(at, "cycler needs at least one item")
    return new Cycler(args)
  },
  joiner: (_, at, args) => {
    const separator = args.length === 0 ? "," : defined(args[0]!)
    if (typeof separator !== "string" || args.length > 1) return fail(at, "joiner takes one text")
    return new Joiner(separator)
  }
}

/** Gives its items in turn, for ever. */
class Cycler extends Helper {
  private readonly items: ReadonlyArray<Value>
  private index = 0
  constructor(items: ReadonlyArray<Value>) {
    super()
    this.items = items
  }
  override call(method: string): Value | undefined {
    if (method === "reset") {
      this.index = 0
      return null
    }
    return method === "next" ? this.items[this.index++ % this.items.length]! : undefined
  }
}

/** Gives nothing the first time and its separator after that. */
class Joiner extends Helper {
  private readonly separator: string
  private first = true
  constructor(separator: string) {
    super()
    this.separator = separator
  }
  override call(method: string): Value | undefined {
    if (method !== "") return undefined
    const text = this.first ? "" : this.separator
    this.first = false
    return text
  }
}

const integer = (value: Value, at: Position): number => {
  const given = defined(value)
  return typeof given === "number" && Number.isSafeInteger(given)
    ? given
    : fail(at, "a whole number is expected")
}
