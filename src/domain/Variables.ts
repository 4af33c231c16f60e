import { Schema } from "effect"
import type { Json } from "./template/Value.ts"
import { isStorable } from "./Text.ts"

/** How deep the values of variables may nest, and how many there may be in all. */
export const MAX_VARIABLES_DEPTH = 32
export const MAX_VARIABLES_VALUES = 100_000

export type Variables = { readonly [name: string]: Json }

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

export const Variables = Schema.Record(Schema.String, Schema.Unknown)
  .pipe((schema) => schema as unknown as Schema.Codec<Variables, { readonly [name: string]: unknown }>)
  .annotate({
    description: `The values for the template's variables, by name: any JSON, at most ${MAX_VARIABLES_VALUES.toLocaleString("en")} values nested at most ${MAX_VARIABLES_DEPTH} deep.`
  })
  .check(Schema.makeFilter(fault))
