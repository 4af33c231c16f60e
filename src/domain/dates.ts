import { Schema, SchemaTransformation } from "effect"

/** A time that PostgreSQL can store, and RFC 3339 can write. */
export const StorableDate = Schema.Date.check(
  Schema.isBetweenDate({
    minimum: new Date("0001-01-01T00:00:00Z"),
    maximum: new Date("9999-12-31T23:59:59.999Z")
  })
)

/** A date, which JSON has as a text: the text is what is described. */
export const dateOf = (description?: string) =>
  Schema.Date.annotate({
    toCodecJson: () =>
      Schema.link<Date>()(
        Schema.String.annotate({ format: "date-time", description }),
        SchemaTransformation.dateFromString
      )
  })

/** A date, or none. Null comes first: after the date, each null would be refused as one before it is taken. */
export const dateOrNull = (description: string) =>
  Schema.Union([Schema.Null, dateOf()]).annotate({ description })
