import { Schema, SchemaTransformation } from "effect"
import { StorableDate } from "../../domain/dates.ts"

/** A member that may be left out; handlers take the default then, and the OpenAPI document says so. */
export const optional = <S extends Schema.Top>(schema: S, default_: S["Type"]) =>
  Schema.optionalKey(schema.annotate({ default: default_ }))

/** How many items a page of a list has at most. */
export const DEFAULT_LIMIT = 50
export const Limit = optional(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 })), DEFAULT_LIMIT)

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/

/** Refuses a span of time that ends before it begins. */
export const inOrder = Schema.makeFilter(({ from, to }: { readonly from?: Date; readonly to?: Date }) =>
  from === undefined || to === undefined || from <= to
    ? undefined
    : { path: ["to"], issue: "Expected a time that is not before from" }
)

/** A time as RFC 3339 writes it. */
export const Timestamp = Schema.String.check(
  Schema.isPattern(RFC3339, { message: "Expected a time like 2026-01-31T12:00:00Z" })
).pipe(Schema.decodeTo(StorableDate, SchemaTransformation.dateFromString))
