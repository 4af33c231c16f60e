import { Duration, Schema, SchemaTransformation } from "effect"

/** The longest time that a timer of Node's and a number of the database's can have. */
const MAX_MILLIS = 2 ** 31 - 1

/** A time of whole milliseconds, at most 24 days, as `60 s`, `500 ms` or `2 m`; a bare number is of seconds. */
export const Seconds = Schema.String.check(
  Schema.isPattern(/^(?=.*[1-9])\d+(?:\.\d+)?\s*(?:ms|s|m)?$/, {
    message: "Expected a time like 60 s, 500 ms or 2 m"
  })
).pipe(
  Schema.decodeTo(
    Schema.Duration.check(
      Schema.makeFilter(
        (duration) => {
          const millis = Duration.toMillis(duration)
          return Number.isInteger(millis) && millis <= MAX_MILLIS
        },
        { message: `Expected whole milliseconds, at most ${MAX_MILLIS} (24 days)` }
      )
    ),
    SchemaTransformation.transform({
      decode: (text) => {
        const unit = text.endsWith("ms") ? 1 : text.endsWith("m") ? 60_000 : 1_000
        // 1.005 s is 1005 ms, though their product is a little less.
        return Duration.millis(Number((Number.parseFloat(text) * unit).toFixed(6)))
      },
      encode: (duration) => `${Duration.toMillis(duration)} ms`
    })
  )
)

/** How old something may be, as `90 days`, `90d` or `12 h`. Its unit is a must: a slip would drop what can't be had back. */
export const Age = Schema.String.check(
  Schema.isPattern(/^(?=.*[1-9])\d{1,5}\s*(?:h|hours?|d|days?)$/, {
    message: "Expected an age like 90 days, 90d or 12 h"
  })
).pipe(
  Schema.decodeTo(
    Schema.Duration,
    SchemaTransformation.transform({
      decode: (text) => {
        const count = Number.parseInt(text, 10)
        return text.includes("d") ? Duration.days(count) : Duration.hours(count)
      },
      encode: (duration) => `${Duration.toHours(duration)} h`
    })
  )
)
