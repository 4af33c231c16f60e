import { Duration, Option } from "effect"

/** Before the second, third and fourth attempt (design section 6). */
export const RETRY_DELAYS: ReadonlyArray<Duration.Duration> = [
  Duration.seconds(5),
  Duration.seconds(30),
  Duration.minutes(2)
]

/** The first attempt and its retries; attempts whose worker was lost are counted apart. */
export const MAX_ATTEMPTS = 1 + RETRY_DELAYS.length

/** Attempts that may be lost with their worker before the execution is given up. */
export const MAX_LOST_ATTEMPTS = 3

/** A provider that asks for a longer wait than this is taken at this. */
export const MAX_RETRY_AFTER = Duration.hours(24)

/** The wait that a provider asked for, as far as it is respected. */
export const respected = (retryAfter: Option.Option<Duration.Duration>): Option.Option<Duration.Duration> =>
  Option.map(retryAfter, (asked) => Duration.min(asked, MAX_RETRY_AFTER))

/**
 * How long to wait after `attempts` attempts before the next one; nothing when there is none. A `Retry-After` that is
 * longer than the step is respected.
 */
export const retryDelay = (
  attempts: number,
  retryAfter: Option.Option<Duration.Duration>
): Option.Option<Duration.Duration> =>
  Option.map(Option.fromNullishOr(RETRY_DELAYS[attempts - 1]), (step) =>
    Option.match(respected(retryAfter), {
      onNone: () => step,
      onSome: (asked) => Duration.max(step, asked)
    })
  )
