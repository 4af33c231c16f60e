import { Schema, SchemaTransformation } from "effect"
import { StorableDate } from "../../domain/dates.ts"

/** A member that may be left out; handlers take the default then, and the OpenAPI document says so. */
export const optional = <S extends Schema.Top>(schema: S, default_: S["Type"]) =>
  Schema.optionalKey(schema.annotate({ default: default_ }))

/** A number of an address or a header. The document has it as the number, not as the digits that are sent. */
const written = (digits: RegExp, expected: string) => (number: Schema.Codec<number>) =>
  Schema.Any.check(
    Schema.isPattern(digits, {
      message: `Expected ${expected} in decimal digits`,
      toJsonSchema: () => Schema.toJsonSchemaDocument(number).schema
    })
  ).pipe(Schema.decodeTo(number, SchemaTransformation.numberFromString))

export const writtenInteger = written(/^(?:0|[1-9]\d*)$/, "an integer")
export const writtenNumber = written(/^(?:0|[1-9]\d*)(?:\.\d+)?$/, "a number")

export const DEFAULT_LIMIT = 50
export const PageSize = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))
export const Limit = Schema.optionalKey(
  writtenInteger(
    PageSize.annotate({ default: DEFAULT_LIMIT, description: "How many items the page has at most." })
  )
)

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/u

/** Refuses a span of time that ends before it begins. */
export const inOrder = Schema.makeFilter(({ from, to }: { readonly from?: Date; readonly to?: Date }) =>
  from === undefined || to === undefined || from <= to
    ? undefined
    : { path: ["to"], issue: "Expected a time that is not before from" }
)

/** JavaScript takes the 30th of February for the 2nd of March, and 24:00 for the next day. */
const exists = (text: string): boolean => {
  const local = text.slice(0, 19)
  const date = new Date(`${local}Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(local)
}

/** A time as RFC 3339 writes it. */
export const timestamp = (description: string) =>
  Schema.String.check(
    Schema.isPattern(RFC3339, {
      message: "Expected a time like 2026-01-31T12:00:00Z",
      description,
      toJsonSchema: () => ({ format: "date-time", pattern: RFC3339.source })
    }).abort(),
    Schema.makeFilter(exists, { message: "Expected a date and a time of day that exist" })
  ).pipe(Schema.decodeTo(StorableDate, SchemaTransformation.dateFromString))

/** Which executions are looked at: created from one instant up to another. */
export const span = {
  from: Schema.optionalKey(timestamp("Takes executions created at this time or later.")),
  to: Schema.optionalKey(timestamp("Takes executions created before this time."))
}
