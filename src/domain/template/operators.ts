import type { Run } from "./Run.ts"
import type { BinaryOperator, Position } from "./syntax.ts"
import { defined, fail, isList, toText, typeName } from "./values.ts"
import type { Undefined, Value } from "./Value.ts"

const numeric: Record<string, (x: number, y: number) => number> = {
  "+": (x, y) => x + y,
  "-": (x, y) => x - y,
  "*": (x, y) => x * y,
  "/": (x, y) => x / y,
  "//": (x, y) => Math.floor(x / y),
  // The sign of the divisor, as in Python.
  "%": (x, y) => {
    const rest = x % y
    return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest
  },
  "**": (x, y) => x ** y
}

/** Computes `left operator right`: `~` joins the texts of any two values, the rest never mixes types. */
export const operate = (
  operator: BinaryOperator,
  left: Value,
  right: Value,
  run: Run,
  at: Position
): Value => {
  if (operator === "~") return joined(toText(left, run, at), toText(right, run, at), run)
  const x = defined(left)
  const y = defined(right)
  if (typeof x === "number" && typeof y === "number") {
    const result = numeric[operator]!(x, y)
    return Number.isFinite(result) ? result : fail(at, `${x} ${operator} ${y} is not a number`)
  }
  if (operator === "+") {
    if (typeof x === "string" && typeof y === "string") return joined(x, y, run)
    if (isList(x) && isList(y)) {
      run.spend(x.length + y.length)
      return [...x, ...y]
    }
  }
  if (operator === "*") {
    if (typeof x === "number") return repeated(y, x, run, at)
    if (typeof y === "number") return repeated(x, y, run, at)
  }
  const hint = operator === "+" ? "; '~' joins texts" : ""
  return fail(at, `cannot compute ${typeName(x)} ${operator} ${typeName(y)}${hint}`)
}

const joined = (x: string, y: string, run: Run): string => {
  run.text(x.length + y.length)
  return x + y
}

const repeated = (value: Exclude<Value, Undefined>, times: number, run: Run, at: Position): Value => {
  const count = Number.isInteger(times) ? Math.max(0, times) : fail(at, "a whole number is expected")
  if (typeof value === "string") {
    run.text(value.length * count)
    return value.repeat(value === "" ? 0 : count)
  }
  if (isList(value)) {
    run.spend(value.length * count)
    return Array.from({ length: value.length * count }, (_, index) => value[index % value.length]!)
  }
  return fail(at, `cannot repeat ${typeName(value)}`)
}
