import { assert } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { after } from "../provider.ts"
import type { Process, Scenario, World } from "../world.ts"

/** Submits at a steady pace; a connection that is refused goes to the next API, as a load balancer has it. */
const load = Effect.fnUntraced(function* (world: World, done: () => boolean) {
  while (!done()) {
    const submission = world.newSubmission()
    let exchange = yield* world.client.submit(submission)
    while (exchange.status === 0) exchange = yield* world.client.submit(submission)
    yield* Effect.sleep(20)
  }
})

/** Starts the new one, and then tells the old one to stop. */
const replace = Effect.fnUntraced(function* (world: World, old: Process) {
  yield* old.role === "api" ? world.startApi() : world.startWorker()
  world.forget(old)
  yield* world.fault(`the ${old.role} replaced`, old.signal("SIGTERM"))
  assert.strictEqual(yield* old.ended, 0)
})

export const rolled: Scenario = {
  number: 28,
  name: "old and new version together, and a migration under load",
  deadline: 30_000,
  play: Effect.fnUntraced(function* (world) {
    const apis = yield* Effect.all([world.startApi(), world.startApi()])
    const workers = yield* world.startWorkers(2)
    world.provider.behave(after(100))
    let done = false
    const running = yield* Effect.forkChild(
      Effect.all([load(world, () => done), load(world, () => done)], { concurrency: 2 })
    )
    yield* world.untilCalls(20)
    const { sql } = world.ledger
    yield* world.fault(
      "a migration",
      Effect.orDie(
        Effect.gen(function* () {
          yield* sql`ALTER TABLE executions ADD COLUMN added text NOT NULL DEFAULT ''`
          yield* sql`CREATE INDEX CONCURRENTLY idx_added ON executions (added, created_at)`
        })
      )
    )
    for (const old of [...apis, ...workers]) yield* replace(world, old)
    yield* world.fault(
      "a migration",
      Effect.orDie(sql`ALTER TABLE execution_attempts ADD COLUMN added integer`)
    )
    const calls = world.provider.calls.length
    yield* world.untilCalls(calls + 20)
    done = true
    yield* Fiber.join(running)
    yield* world.settled()
    assert.deepStrictEqual(
      world.client.exchanges.filter(({ status }) => status >= 500),
      []
    )
    for (const { marker } of world.client.acknowledged) {
      assert.lengthOf(world.provider.callsOf(marker), 1, marker)
    }
  })
}
