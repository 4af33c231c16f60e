import { TemplateRenderError } from "./errors.ts"
import type { Run } from "./Run.ts"
import type { Position } from "./syntax.ts"
import { characterAt, search } from "./texts.ts"
import { Helper, Undefined, UndefinedUse } from "./Value.ts"
import type { Dict, Value } from "./Value.ts"

/** The value, which must be there. */
export const defined = (value: Value): Exclude<Value, Undefined> => {
  if (value instanceof Undefined) throw new UndefinedUse(value.name)
  return value
}

export const isList = (value: Value): value is ReadonlyArray<Value> => Array.isArray(value)
export const isDict = (value: Value): value is Dict =>
  typeof value === "object" &&
  value !== null &&
  !isList(value) &&
  !(value instanceof Undefined) &&
  !(value instanceof Helper)

/** An empty object whose keys are all its own, `__proto__` too. */
export const emptyDict = (): Record<string, Value> => Object.create(null) as Record<string, Value>

export const fail = (at: Position, reason: string): never => {
  throw new TemplateRenderError({ line: at.line, column: at.column, reason })
}

export const typeName = (value: Exclude<Value, Undefined>): string => {
  if (value === null) return "null"
  if (isList(value)) return "list"
  if (value instanceof Helper) return "helper"
  return typeof value === "string" ? "text" : typeof value
}

/** Truth as in Jinja2: empty texts, lists and objects are false, and so are 0 and null. */
export const truthy = (value: Value, run: Run): boolean => {
  if (typeof value === "boolean") return value
  const given = defined(value)
  if (isList(given)) return given.length > 0
  return isDict(given) ? run.keysOf(given).length > 0 : Boolean(given)
}

/** The text of a value as in nunjucks: nothing for null, JSON for lists and objects. */
export const toText = (value: Value, run: Run, at: Position): string => {
  if (typeof value === "string") return value
  const given = defined(value)
  switch (typeof given) {
    case "number":
      return String(given)
    case "boolean":
      return given ? "true" : "false"
    default:
      return given === null ? "" : toJson(given, run, at)
  }
}

const JSON_NODE_STEPS = 4

/** The value as JSON, with `indent` spaces a level when it is over 0. Work and length are charged to `run`. */
export const toJson = (value: Value, run: Run, at: Position, indent = 0): string => {
  let json = ""
  const write = (text: string): void => {
    run.text(text.length)
    json += text
  }
  const newline = indent === 0 ? () => "" : (depth: number) => `\n${" ".repeat(indent * depth)}`
  const colon = indent === 0 ? ":" : ": "
  const items = (
    open: string,
    close: string,
    count: number,
    depth: number,
    item: (index: number) => void
  ): void => {
    write(open)
    for (let index = 0; index < count; index++) {
      write((index === 0 ? "" : ",") + newline(depth + 1))
      item(index)
    }
    write((count === 0 ? "" : newline(depth)) + close)
  }
  const visit = (node: Value, depth: number): void => {
    run.spend(JSON_NODE_STEPS)
    run.checkDepth(depth)
    const given = defined(node)
    if (given instanceof Helper) fail(at, "a function has no text")
    if (isList(given)) {
      items("[", "]", given.length, depth, (index) => visit(given[index]!, depth + 1))
    } else if (isDict(given)) {
      const keys = run.keysOf(given)
      items("{", "}", keys.length, depth, (index) => {
        write(JSON.stringify(keys[index]) + colon)
        visit(given[keys[index]!]!, depth + 1)
      })
    } else {
      write(JSON.stringify(given))
    }
  }
  visit(value, 0)
  return json
}

/** Equality as in Jinja2: by content, and never between values of different types. */
export const equals = (left: Value, right: Value, run: Run): boolean => {
  const compare = (a: Value, b: Value, depth: number): boolean => {
    run.spend(1)
    const x = defined(a)
    const y = defined(b)
    if (typeof x === "string" && typeof y === "string") {
      if (x.length === y.length) run.scan(x.length)
      return x === y
    }
    if (x === y) return true
    run.checkDepth(depth)
    if (isList(x) && isList(y)) {
      return x.length === y.length && x.every((item, index) => compare(item, y[index]!, depth + 1))
    }
    if (isDict(x) && isDict(y)) {
      const keys = run.keysOf(x)
      return (
        keys.length === run.keysOf(y).length &&
        keys.every((key) => Object.hasOwn(y, key) && compare(x[key]!, y[key]!, depth + 1))
      )
    }
    return false
  }
  return compare(left, right, 0)
}

/** Negative, zero or positive as `left` comes before, with or after `right`: two numbers, or two texts. */
export const order = (left: Value, right: Value, run: Run, at: Position): number => {
  const x = defined(left)
  const y = defined(right)
  if (typeof x === "number" && typeof y === "number") return x - y
  if (typeof x === "string" && typeof y === "string") {
    run.scan(Math.min(x.length, y.length))
    return x < y ? -1 : x > y ? 1 : 0
  }
  return fail(at, `cannot compare ${typeName(x)} with ${typeName(y)}`)
}

/** An object's keys with their values, in the order of its keys. */
export const entriesOf = (dict: Dict, run: Run): ReadonlyArray<readonly [string, Value]> => {
  const keys = run.keysOf(dict)
  run.spend(keys.length)
  return keys.map((key) => [key, dict[key]!])
}

/** The items that `for` and the list filters go over: a list's items, an object's keys, a text's characters. */
export const iterate = (value: Value, run: Run, at: Position): ReadonlyArray<Value> => {
  const given = defined(value)
  if (isList(given)) return given
  if (typeof given === "string") {
    run.spend(given.length)
    return Array.from(given)
  }
  if (isDict(given)) return run.keysOf(given)
  return fail(at, `cannot go over ${typeName(given)}`)
}

/**
 * A value's own item or attribute, and nothing else: a list or text by index (from the end when negative), an
 * object by key. What is not there is `Undefined` by that name.
 */
export const lookup = (target: Value, key: Value, run: Run, name: string): Value => {
  const from = defined(target)
  const by = defined(key)
  if (typeof by === "string") {
    if (isDict(from) && Object.hasOwn(from, by)) return from[by]!
  } else if (typeof by === "number" && Number.isInteger(by)) {
    const found = isList(from)
      ? from.at(by)
      : typeof from === "string"
        ? characterAt(from, by, run)
        : undefined
    if (found !== undefined) return found
  }
  return new Undefined(name)
}

/** Whether a list has an equal item, an object the key, or a text the part. */
export const contains = (container: Value, item: Value, run: Run, at: Position): boolean => {
  const within = defined(container)
  if (isList(within)) return within.some((other) => equals(item, other, run))
  const wanted = defined(item)
  if (isDict(within)) return typeof wanted === "string" && Object.hasOwn(within, wanted)
  if (typeof within === "string" && typeof wanted === "string") return search(within, wanted, run)(0) !== -1
  return fail(at, `cannot look for ${typeName(wanted)} in ${typeName(within)}`)
}
