import type { Run } from "./Run.ts"
import type { Position } from "./syntax.ts"
import { tests } from "./tests.ts"
import { characters, endOf, search } from "./texts.ts"
import {
  defined,
  emptyDict,
  entriesOf,
  equals,
  fail,
  isDict,
  isList,
  iterate,
  lookup,
  order,
  toJson,
  toText,
  truthy,
  typeName
} from "./values.ts"
import { Undefined } from "./Value.ts"
import type { Value } from "./Value.ts"

/** A filter of `x | name(…)`: the names of its arguments in order, how many are required, and what it does. */
interface Filter {
  readonly parameters: ReadonlyArray<string>
  readonly required: number
  /** It takes an input that is undefined. */
  readonly toleratesUndefined: boolean
  readonly apply: (call: Call) => Value
}

/** One use of a filter, with its work charged to the run. */
class Call {
  readonly run: Run
  readonly at: Position
  readonly input: Value
  private readonly args: ReadonlyArray<Value | undefined>
  private path: ReturnType<Call["pathOf"]> | undefined

  constructor(run: Run, at: Position, input: Value, args: ReadonlyArray<Value | undefined>) {
    this.run = run
    this.at = at
    this.input = input
    this.args = args
  }

  arg(index: number): Value | undefined {
    return this.args[index]
  }

  text(value: Value = this.input): string {
    const text = toText(value, this.run, this.at)
    this.run.text(text.length)
    return text
  }

  /** A text to be looked at character by character. */
  letters(value: Value = this.input): string {
    const text = this.text(value)
    this.run.read(text.length)
    return text
  }

  textArg(index: number, fallback = ""): string {
    const value = this.args[index]
    return value === undefined ? fallback : this.text(value)
  }

  list(value: Value = this.input): ReadonlyArray<Value> {
    const items = iterate(value, this.run, this.at)
    this.run.spend(items.length)
    return items
  }

  flag(index: number): boolean {
    const value = this.args[index]
    return value !== undefined && truthy(value, this.run)
  }

  /** A whole number from 0 to `most`, or `fallback` where none is given. */
  count(index: number, fallback: number, most: number): number {
    const value = this.args[index] ?? fallback
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > most) {
      return fail(this.at, `a whole number from 0 to ${most} is expected`)
    }
    return value
  }

  number(value: Value = this.input): number {
    const given = defined(value)
    return typeof given === "number" ? given : fail(this.at, `a number is expected, not ${typeName(given)}`)
  }

  /** A number that a calculation gave. */
  finite(value: number): number {
    return Number.isFinite(value) ? value : fail(this.at, "the result is not a number")
  }

  /** The attribute named by an argument (`a.b` for one inside another) of an item, or the item itself. */
  attribute(item: Value, index: number, fallback?: Value): Value {
    const path = this.args[index]
    if (path === undefined || path === null) return item
    this.path ??= this.pathOf(this.text(path))
    let found = item
    for (const { key, name } of this.path) {
      this.run.spend(1)
      if (found instanceof Undefined && fallback !== undefined) return fallback
      found = lookup(found, key, this.run, name)
    }
    return found instanceof Undefined && fallback !== undefined ? fallback : found
  }

  private pathOf(path: string): ReadonlyArray<{ readonly key: string | number; readonly name: string }> {
    this.run.spend(path.length)
    let name = ""
    return path.split(".").map((key) => {
      name += `.${key}`
      return { key: /^-?\d+$/.test(key) ? Number(key) : key, name }
    })
  }
}

const filter = (
  apply: (call: Call) => Value,
  parameters: ReadonlyArray<string> = [],
  required = 0
): Filter => ({
  parameters,
  required,
  toleratesUndefined: false,
  apply
})

/** A filter that makes a text of a text as a whole. */
const ofText = (change: (text: string) => string): Filter => filter((call) => change(call.text()))
/** A filter that makes a text of a text's characters or words. */
const ofLetters = (change: (text: string) => string): Filter => filter((call) => change(call.letters()))

const HTML: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }
const MOST_PADDING = 1_000

const capitalize = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase()

/** The text without what is between `<` and `>`, and with white space folded; in linear time. */
const stripTags = (text: string): string => {
  const kept: Array<string> = []
  let from = 0
  for (;;) {
    const open = text.indexOf("<", from)
    if (open === -1) break
    const comment = text.startsWith("<!--", open)
    const close = comment ? text.indexOf("-->", open + 4) : text.indexOf(">", open)
    if (close === -1) break
    kept.push(text.slice(from, open))
    from = close + (comment ? 3 : 1)
  }
  kept.push(text.slice(from))
  return kept.join("").trim().replace(/\s+/g, " ")
}

/** What an item is compared by: unless told to be exact, texts without regard to case. */
const comparable = (call: Call, value: Value, exact: boolean): Value =>
  typeof value === "string" && !exact ? call.text(value).toLowerCase() : defined(value)

const sortBy = (
  call: Call,
  items: ReadonlyArray<Value>,
  key: (item: Value) => Value,
  reverse: boolean,
  exact: boolean
) => {
  call.run.spend(items.length * Math.ceil(Math.log2(items.length + 1)))
  const keyed = items.map((item) => ({ item, by: comparable(call, key(item), exact) }))
  const sorted = keyed.toSorted((a, b) =>
    reverse ? order(b.by, a.by, call.run, call.at) : order(a.by, b.by, call.run, call.at)
  )
  return sorted.map(({ item }) => item)
}

const split = (text: string, separator: string, call: Call): ReadonlyArray<string> => {
  const find = search(text, separator, call.run)
  const parts: Array<string> = []
  let from = 0
  for (let found = find(0); found !== -1; found = find(from)) {
    call.run.spend(1)
    parts.push(text.slice(from, found))
    from = found + separator.length
  }
  return [...parts, text.slice(from)]
}

const extreme = (sign: 1 | -1): Filter =>
  filter(
    (call) => {
      const items = call
        .list()
        .map((item) => ({ item, by: comparable(call, call.attribute(item, 1), call.flag(0)) }))
      const [first, ...rest] = items
      if (first === undefined) return new Undefined("the first item of an empty list")
      return rest.reduce(
        (best, next) => (order(next.by, best.by, call.run, call.at) * sign > 0 ? next : best),
        first
      ).item
    },
    ["case_sensitive", "attribute"]
  )

/** Keeps the items for which a test, named by the first argument, holds (or fails). */
const selecting = (wanted: boolean): Filter =>
  filter(
    (call) => {
      const holds = testNamed(call, 0)
      return call.list().filter((item) => holds(item) === wanted)
    },
    ["test", "argument"]
  )

const selectingAttribute = (wanted: boolean): Filter =>
  filter(
    (call) => {
      const holds = testNamed(call, 1)
      return call.list().filter((item) => holds(call.attribute(item, 0)) === wanted)
    },
    ["attribute", "test", "argument"],
    1
  )

const testNamed = (call: Call, index: number): ((value: Value) => boolean) => {
  if (call.arg(index) === undefined) return (value) => truthy(value, call.run)
  const name = call.textArg(index)
  const test = Object.hasOwn(tests, name) ? tests[name]! : fail(call.at, `there is no test '${name}'`)
  const argument = call.arg(index + 1)
  const args = argument === undefined ? [] : [argument]
  if (args.length !== test.required)
    return fail(call.at, `the test '${name}' takes ${test.required} arguments`)
  return (value) => {
    call.run.spend(1)
    return test.holds(value, args, call.run, call.at)
  }
}

const pairs = (call: Call): ReadonlyArray<readonly [string, Value]> => {
  if (!isDict(call.input)) return fail(call.at, `an object is expected, not ${typeName(defined(call.input))}`)
  return entriesOf(call.input, call.run)
}

/** Lists of at most `size` items, the last filled up with `fill` where it is given. */
const chunk = (call: Call, sizes: ReadonlyArray<number>, most: number, fill: Value | undefined): Value => {
  const items = call.list()
  call.run.spend(sizes.length * (fill === undefined ? 1 : 1 + most))
  let from = 0
  return sizes.map((size) => {
    const part = items.slice(from, from + size)
    from += size
    if (fill === undefined || part.length === most) return part
    return [...part, ...Array.from({ length: most - part.length }, () => fill)]
  })
}

/** An argument, or what stands for it where it is not given; null is given. */
const or = (value: Value | undefined, otherwise: Value): Value => (value === undefined ? otherwise : value)

const parsed = (number: number, call: Call, index: number): Value =>
  Number.isFinite(number) ? number : or(call.arg(index), 0)

const json = filter((call) => toJson(call.input, call.run, call.at, call.count(0, 0, 10)), ["indent"])
const length = filter((call) => {
  const given = call.input
  return typeof given === "string" ? characters(given, call.run) : iterate(given, call.run, call.at).length
})
const nth = (which: "first" | "last"): Filter =>
  filter((call) => {
    const item = call.list().at(which === "first" ? 0 : -1)
    return item === undefined ? new Undefined(`the ${which} item of an empty list`) : item
  })
const fallback: Filter = {
  ...filter(
    (call) => {
      const missing = call.input instanceof Undefined || (call.flag(1) && !truthy(call.input, call.run))
      return missing ? or(call.arg(0), "") : call.input
    },
    ["default_value", "boolean"]
  ),
  toleratesUndefined: true
}
const escape = ofLetters((text) => text.replace(/[&<>"']/g, (character) => HTML[character]!))

/** The filters that templates may use. */
export const filters: Record<string, Filter> = {
  abs: filter((call) => Math.abs(call.number())),
  batch: filter(
    (call) => {
      const size = Math.max(1, call.count(0, 1, MOST_PADDING))
      const chunks = Math.ceil(call.list().length / size)
      return chunk(call, Array<number>(chunks).fill(size), size, call.arg(1))
    },
    ["size", "fill_with"],
    1
  ),
  capitalize: ofText(capitalize),
  center: filter(
    (call) => {
      const text = call.text()
      const padding = Math.max(0, call.count(0, 80, MOST_PADDING) - characters(text, call.run))
      call.run.text(padding)
      const left = Math.floor(padding / 2)
      return " ".repeat(left) + text + " ".repeat(padding - left)
    },
    ["width"]
  ),
  count: length,
  d: fallback,
  default: fallback,
  dictsort: filter(
    (call) => {
      const by = call.textArg(1, "key")
      if (by !== "key" && by !== "value") return fail(call.at, "dictsort goes by 'key' or by 'value'")
      const index = by === "key" ? 0 : 1
      return sortBy(
        call,
        pairs(call),
        (pair) => (pair as ReadonlyArray<Value>)[index]!,
        call.flag(2),
        call.flag(0)
      )
    },
    ["case_sensitive", "by", "reverse"]
  ),
  dump: json,
  e: escape,
  escape,
  first: nth("first"),
  float: filter((call) => parsed(Number.parseFloat(call.text()), call, 0), ["default"]),
  groupby: filter(
    (call) => {
      const groups = emptyDict() as Record<string, Array<Value>>
      for (const item of call.list()) {
        const key = defined(call.attribute(item, 0, call.arg(1)))
        ;(groups[call.text(key)] ??= []).push(item)
      }
      return groups
    },
    ["attribute", "default"],
    1
  ),
  indent: filter(
    (call) => {
      const padding = " ".repeat(call.count(0, 4, MOST_PADDING))
      const lines = split(call.text(), "\n", call)
      call.run.text(lines.length * padding.length)
      return lines.map((line, index) => (index === 0 && !call.flag(1) ? line : padding + line)).join("\n")
    },
    ["width", "first"]
  ),
  int: filter(
    (call) => {
      const base = call.count(1, 10, 36)
      const value = call.input
      return parsed(
        typeof value === "number" ? Math.trunc(value) : Number.parseInt(call.text(), base),
        call,
        0
      )
    },
    ["default", "base"]
  ),
  items: filter((call) => pairs(call)),
  join: filter(
    (call) => {
      const separator = call.textArg(0)
      const items = call.list()
      call.run.text(separator.length * items.length)
      return items.map((item) => call.text(call.attribute(item, 1))).join(separator)
    },
    ["separator", "attribute"]
  ),
  last: nth("last"),
  length,
  list: filter((call) => [...call.list()]),
  lower: ofText((text) => text.toLowerCase()),
  map: filter(
    (call) => {
      const items = call.list()
      if (or(call.arg(0), null) === null) return items.map((item) => call.attribute(item, 1, call.arg(2)))
      const name = call.textArg(0)
      const inner = Object.hasOwn(filters, name)
        ? filters[name]!
        : fail(call.at, `there is no filter '${name}'`)
      if (inner.required > 0)
        return fail(call.at, `the filter '${name}' needs arguments, which map cannot give`)
      return items.map((item) => applyFilter(inner, call.run, call.at, item, []))
    },
    ["filter", "attribute", "default"]
  ),
  max: extreme(1),
  min: extreme(-1),
  nl2br: ofLetters((text) => text.replace(/\r\n|\n/g, "<br />\n")),
  reject: selecting(false),
  rejectattr: selectingAttribute(false),
  replace: filter(
    (call) => {
      const text = call.text()
      const [old, replacement] = [call.textArg(0), call.textArg(1)]
      const most = call.count(2, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
      // Python puts the replacement around every character when there is nothing to look for.
      const pieces = old === "" ? ["", ...call.list(text), ""] : split(text, old, call)
      const replaced = Math.min(most, pieces.length - 1)
      call.run.text(replaced * replacement.length)
      return (
        pieces.slice(0, replaced + 1).join(replacement) +
        pieces
          .slice(replaced + 1)
          .map((part) => old + part)
          .join("")
      )
    },
    ["old", "new", "count"],
    2
  ),
  reverse: filter((call) => {
    const reversed = call.list().toReversed()
    return typeof call.input === "string" ? reversed.join("") : reversed
  }),
  round: filter(
    (call) => {
      const factor = 10 ** call.count(0, 0, 15)
      const methods = { common: Math.round, ceil: Math.ceil, floor: Math.floor }
      const method = call.textArg(1, "common")
      if (!Object.hasOwn(methods, method)) return fail(call.at, "round goes by 'common', 'ceil' or 'floor'")
      return call.finite(methods[method as keyof typeof methods](call.number() * factor) / factor)
    },
    ["precision", "method"]
  ),
  safe: ofText((text) => text),
  select: selecting(true),
  selectattr: selectingAttribute(true),
  slice: filter(
    (call) => {
      const slices = Math.max(1, call.count(0, 1, MOST_PADDING))
      const { length: total } = call.list()
      const sizes = Array.from({ length: slices }, (_, index) =>
        Math.floor((total + slices - 1 - index) / slices)
      )
      return chunk(call, sizes, sizes[0]!, call.arg(1))
    },
    ["slices", "fill_with"],
    1
  ),
  sort: filter(
    (call) => sortBy(call, call.list(), (item) => call.attribute(item, 2), call.flag(0), call.flag(1)),
    ["reverse", "case_sensitive", "attribute"]
  ),
  string: ofText((text) => text),
  striptags: ofLetters(stripTags),
  sum: filter(
    (call) =>
      call
        .list()
        .reduce<number>(
          (sum, item) => call.finite(sum + call.number(call.attribute(item, 0))),
          call.number(or(call.arg(1), 0))
        ),
    ["attribute", "start"]
  ),
  title: ofLetters((text) => text.replace(/[^\s-]+/g, capitalize)),
  tojson: json,
  trim: ofText((text) => text.trim()),
  truncate: filter(
    (call) => {
      const text = call.text()
      const most = call.count(0, 255, Number.MAX_SAFE_INTEGER)
      const cut = endOf(text, most, call.run)
      if (cut === text.length) return text
      const space = call.flag(1) ? -1 : text.lastIndexOf(" ", cut)
      return text.slice(0, space === -1 ? cut : space) + call.textArg(2, "...")
    },
    ["length", "killwords", "end"]
  ),
  unique: filter(
    (call) => {
      const seen = new Set<Value>()
      const compounds: Array<Value> = []
      return call.list().filter((item) => {
        const by = comparable(call, call.attribute(item, 1), call.flag(0))
        const compound = typeof by === "object" && by !== null
        if (compound ? compounds.some((other) => equals(by, other, call.run)) : seen.has(by)) return false
        if (compound) compounds.push(by)
        else seen.add(by)
        return true
      })
    },
    ["case_sensitive", "attribute"]
  ),
  upper: ofText((text) => text.toUpperCase()),
  urlencode: filter((call) => {
    const encode = (value: Value) => encodeURIComponent(call.letters(value).toWellFormed())
    if (!isDict(call.input) && !isList(call.input)) return encode(call.input)
    const entries = isDict(call.input) ? pairs(call) : call.list().map((pair) => call.list(pair))
    return entries.map(([key = null, value = null]) => `${encode(key)}=${encode(value)}`).join("&")
  }),
  wordcount: filter((call) => call.letters().match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)
}

export const applyFilter = (
  { apply, toleratesUndefined }: Filter,
  run: Run,
  at: Position,
  input: Value,
  args: ReadonlyArray<Value | undefined>
): Value => apply(new Call(run, at, toleratesUndefined ? input : defined(input), args))
