import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import { TestClock } from "effect/testing"
import { DatabaseUnavailable } from "../../src/services/DatabaseUnavailable.ts"
import { QueueUnavailable } from "../../src/services/ExecutionQueue.ts"
import { logFailures } from "../../src/services/logFailures.ts"
import { logged } from "../support/logged.ts"

describe("failures of what is done again and again", () => {
  it.effect("by an outage are told with its reason, and once a second", () =>
    Effect.gen(function* () {
      const failed = logFailures("it was not done")
      const away = Cause.die(new DatabaseUnavailable({ cause: new Error("no answer") }))
      const said = yield* logged(
        Effect.gen(function* () {
          for (let tries = 0; tries < 1_000; tries++) yield* failed(away)
          yield* TestClock.adjust("999 millis")
          yield* failed(away)
          yield* TestClock.adjust("1 millis")
          yield* failed(Cause.fail(new QueueUnavailable({ detail: "no room" })))
        })
      )
      assert.deepStrictEqual(
        said.lines.map(({ message, level, cause }) => ({ message, level, cause })),
        [
          {
            message: "it was not done: the database is unavailable: no answer",
            level: "WARN",
            cause: undefined
          },
          { message: "it was not done: the queue is unavailable: no room", level: "WARN", cause: undefined }
        ]
      )
    })
  )

  it.effect("by a bug are all told, with all that is known", () =>
    Effect.gen(function* () {
      const failed = logFailures("it was not done")
      const { lines } = yield* logged(
        Effect.repeat(failed(Cause.die(new TypeError("it is undefined"))), { times: 1 })
      )
      assert.lengthOf(lines, 2)
      for (const { message, cause } of lines) {
        assert.strictEqual(message, "it was not done")
        assert.match(cause, /TypeError: it is undefined\n +at /)
      }
    })
  )
})
