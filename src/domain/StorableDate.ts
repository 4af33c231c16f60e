import { Schema } from "effect"

/** A time that PostgreSQL can store, and RFC 3339 can write. */
export const StorableDate = Schema.Date.check(
  Schema.isBetweenDate({
    minimum: new Date("0001-01-01T00:00:00Z"),
    maximum: new Date("9999-12-31T23:59:59.999Z")
  })
)
