import type { Json } from "./template/Value.ts"

/** JSON with the keys of every object in code unit order: equal values have equal texts (after RFC 8785). */
export const canonicalJson = (value: Json): string => JSON.stringify(value, sortKeys)

const sortKeys = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value
