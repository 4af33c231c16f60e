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

/** What is wrong with the variables of a request, and where; nothing when they can be stored and rendered. */
const fault = (variables: Variables) => {
  let values = 0
  let level: Array<{ readonly path: ReadonlyArray<string | number>; readonly value: unknown }> = [
    { path: [], value: variables }
  ]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_VARIABLES_DEPTH) {
      return { path: level[0]!.path, issue: `Expected values nested at most ${MAX_VARIABLES_DEPTH} deep` }
    }
    const next: typeof level = []
    for (const { path, value } of level) {
      if (++values > MAX_VARIABLES_VALUES)
        return { path: [], issue: `Expected at most ${MAX_VARIABLES_VALUES} values` }
      if (!isJson(value)) return { path, issue: "Expected a JSON value" }
      if (typeof value === "string" && !isStorable(value)) {
        return { path, issue: "Expected a text without U+0000 and lone surrogates" }
      }
      if (typeof value !== "object" || value === null) continue
      for (const [key, item] of Object.entries(value)) {
        if (!isStorable(key)) return { path, issue: "Expected keys without U+0000 and lone surrogates" }
        next.push({ path: [...path, Array.isArray(value) ? Number(key) : key], value: item })
      }
    }
    level = next
  }
  return undefined
}

/** As `fault`, but keeps no places: most often there is nothing to tell, and then this is quicker. */
const isFaultless = (variables: Variables): boolean => {
  let values = 0
  const isFine = (value: unknown, depth: number): boolean => {
    if (++values > MAX_VARIABLES_VALUES || depth > MAX_VARIABLES_DEPTH || !isJson(value)) return false
    if (typeof value === "string") return isStorable(value)
    if (Array.isArray(value)) return value.every((item) => isFine(item, depth + 1))
    if (typeof value !== "object" || value === null) return true
    return Object.entries(value).every(([key, item]) => isStorable(key) && isFine(item, depth + 1))
  }
  return isFine(variables, 0)
}

export const Variables = Schema.Record(Schema.String, Schema.Unknown)
  .pipe((schema) => schema as unknown as Schema.Codec<Variables, { readonly [name: string]: unknown }>)
  .annotate({
    description: `The values for the template's variables, by name: any JSON, at most ${MAX_VARIABLES_VALUES.toLocaleString("en")} values nested at most ${MAX_VARIABLES_DEPTH} deep.`
  })
  .check(Schema.makeFilter((variables) => (isFaultless(variables) ? undefined : fault(variables))))
