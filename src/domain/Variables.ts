import { Schema } from "effect"
import type { Json } from "./template/Value.ts"
import { isStorable } from "./Text.ts"

/** How deep the values of variables may nest, and how many there may be in all. */
export const MAX_VARIABLES_DEPTH = 32
export const MAX_VARIABLES_VALUES = 100_000

export type Variables = { readonly [name: string]: Json }

/** Whether JSON has such a value: no date, no map, nothing of a class. What a list or an object holds is another matter. */
const isJson = (value: unknown): boolean => {
  if (typeof value === "number") return Number.isFinite(value)
  if (typeof value !== "object") return typeof value === "string" || typeof value === "boolean"
  if (value === null || Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

interface Fault {
  readonly path: ReadonlyArray<string | number>
  readonly issue: string
}

/** Wherever the last one is that was counted, it is the whole that is at fault. */
const TOO_MANY: Fault = { path: [], issue: `Expected at most ${MAX_VARIABLES_VALUES} values` }

/** What is wrong with a value, and where in it; nothing when it can be stored and rendered. */
const faultIn = (value: unknown, depth: number, seen: { values: number }): Fault | undefined => {
  if (++seen.values > MAX_VARIABLES_VALUES) return TOO_MANY
  if (depth > MAX_VARIABLES_DEPTH) {
    return { path: [], issue: `Expected values nested at most ${MAX_VARIABLES_DEPTH} deep` }
  }
  if (!isJson(value)) return { path: [], issue: "Expected a JSON value" }
  if (typeof value === "string") {
    return isStorable(value)
      ? undefined
      : { path: [], issue: "Expected a text without U+0000 and lone surrogates" }
  }
  if (typeof value !== "object" || value === null) return undefined
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    if (typeof key === "string" && !isStorable(key)) {
      return { path: [], issue: "Expected keys without U+0000 and lone surrogates" }
    }
    const found = faultIn((value as { readonly [key: string | number]: unknown })[key], depth + 1, seen)
    if (found !== undefined) {
      return found === TOO_MANY ? found : { path: [key, ...found.path], issue: found.issue }
    }
  }
  return undefined
}

export const Variables = Schema.Record(Schema.String, Schema.Unknown)
  .pipe((schema) => schema as unknown as Schema.Codec<Variables, { readonly [name: string]: unknown }>)
  .annotate({
    description: `The values for the template's variables, by name: any JSON, at most ${MAX_VARIABLES_VALUES.toLocaleString("en")} values nested at most ${MAX_VARIABLES_DEPTH} deep.`
  })
  .check(Schema.makeFilter((variables) => faultIn(variables, 0, { values: 0 })))
