import type { Run } from "./Run.ts"
import type { Position } from "./syntax.ts"
import { contains, defined, equals, fail, isDict, isList, order } from "./values.ts"
import { Undefined } from "./Value.ts"
import type { Value } from "./Value.ts"

/** A test of `x is name(…)`. Its subject may be undefined: a test that needs a value asks for it. */
interface Test {
  readonly parameters: ReadonlyArray<string>
  readonly required: number
  /** When it holds, its subject is certainly defined. */
  readonly provesDefined: boolean
  /** An undefined subject fails it instead of being an error. */
  readonly toleratesUndefined: boolean
  readonly holds: (subject: Value, args: ReadonlyArray<Value>, run: Run, at: Position) => boolean
}

const ofType = (holds: (subject: Value) => boolean): Test => ({
  parameters: [],
  required: 0,
  provesDefined: true,
  toleratesUndefined: true,
  holds
})

const ofValue = (
  parameters: ReadonlyArray<string>,
  holds: (subject: Value, args: ReadonlyArray<Value>, run: Run, at: Position) => boolean
): Test => ({
  parameters,
  required: parameters.length,
  provesDefined: true,
  toleratesUndefined: false,
  holds: (subject, args, run, at) => holds(defined(subject), args, run, at)
})

const whole = (value: Value, at: Position): number =>
  typeof value === "number" && Number.isInteger(value) ? value : fail(at, "a whole number is expected")
const text = (value: Value, run: Run, at: Position): string => {
  if (typeof value !== "string") return fail(at, "a text is expected")
  run.scan(value.length)
  return value
}
const compared = (holds: (sign: number) => boolean): Test =>
  ofValue(["other"], (subject, [other], run, at) => holds(order(subject, other!, run, at)))

const equalTo = ofValue(["other"], (subject, [other], run) => equals(subject, other!, run))
const greaterThan = compared((sign) => sign > 0)
const lessThan = compared((sign) => sign < 0)

/** The tests that templates may use. */
export const tests: Record<string, Test> = {
  defined: ofType((subject) => !(subject instanceof Undefined)),
  undefined: { ...ofType((subject) => subject instanceof Undefined), provesDefined: false },
  none: ofType((subject) => subject === null),
  null: ofType((subject) => subject === null),
  boolean: ofType((subject) => typeof subject === "boolean"),
  true: ofType((subject) => subject === true),
  false: ofType((subject) => subject === false),
  number: ofType((subject) => typeof subject === "number"),
  integer: ofType((subject) => Number.isInteger(subject)),
  float: ofType((subject) => typeof subject === "number" && !Number.isInteger(subject)),
  string: ofType((subject) => typeof subject === "string"),
  mapping: ofType(isDict),
  sequence: ofType((subject) => isList(subject) || typeof subject === "string" || isDict(subject)),
  iterable: ofValue([], (subject) => isList(subject) || typeof subject === "string" || isDict(subject)),
  sameas: {
    parameters: ["other"],
    required: 1,
    provesDefined: false,
    toleratesUndefined: true,
    holds: (subject, [other]) => subject === other
  },
  even: ofValue([], (subject, _args, _run, at) => whole(subject, at) % 2 === 0),
  odd: ofValue([], (subject, _args, _run, at) => whole(subject, at) % 2 !== 0),
  divisibleby: ofValue(["number"], (subject, [number], _, at) => {
    const divisor = whole(number!, at)
    return divisor === 0 ? fail(at, "cannot divide by 0") : whole(subject, at) % divisor === 0
  }),
  lower: ofValue([], (subject, _args, run, at) => text(subject, run, at).toLowerCase() === subject),
  upper: ofValue([], (subject, _args, run, at) => text(subject, run, at).toUpperCase() === subject),
  eq: equalTo,
  equalto: equalTo,
  ne: ofValue(["other"], (subject, [other], run) => !equals(subject, other!, run)),
  gt: greaterThan,
  greaterthan: greaterThan,
  ge: compared((sign) => sign >= 0),
  lt: lessThan,
  lessthan: lessThan,
  le: compared((sign) => sign <= 0),
  in: ofValue(["items"], (subject, [items], run, at) => contains(items!, subject, run, at))
}
