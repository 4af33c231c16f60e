import { assert } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { closesEarly, fails, resets } from "../../support/fakeOpenAi.ts"
import { after, answers } from "../provider.ts"
import type { Reply } from "../provider.ts"
import type { Scenario, World } from "../world.ts"

const EXECUTIONS = 150
const WORKERS = 3

/** Mostly well, sometimes slow, now and then broken. */
const mixed = ({ random }: World): Reply => {
  const broken: ReadonlyArray<Reply> = [
    () => fails(500),
    () => fails(429, "slow down", { "retry-after": "1" }),
    () => resets,
    () => closesEarly
  ]
  return (call) => {
    const chance = random.next()
    if (chance < 0.1) return random.pick(broken)(call)
    return chance < 0.5 ? answers(call) : after(random.below(600))(call)
  }
}

type Fault = "a worker is killed" | "Redis is wiped" | "FLUSHALL"

export const combined: Scenario = {
  number: 29,
  name: "all at once: six worker kills, Redis wiped, FLUSHALL, a mixed provider, 150 executions",
  deadline: 60_000,
  play: Effect.fnUntraced(function* (world) {
    const { random } = world
    yield* world.startApi()
    const start = world.startWorker({ env: { WORKER_CONCURRENCY: "4" } })
    const workers = [...(yield* Effect.all(Array.from({ length: WORKERS }, () => start)))]
    world.provider.behave(mixed(world))

    const faults: Array<Fault> = [...Array<Fault>(6).fill("a worker is killed"), "Redis is wiped", "FLUSHALL"]
    const shuffled = faults
      .map((fault) => ({ fault, place: random.next() }))
      .toSorted((a, b) => a.place - b.place)
      .map(({ fault }) => fault)
    const carryOut = Effect.fnUntraced(function* (fault: Fault) {
      if (fault === "FLUSHALL") return yield* world.fault(fault, world.queue.flush)
      if (fault === "Redis is wiped") {
        yield* world.fault(
          fault,
          Effect.promise(() => world.redis.kill())
        )
        return yield* Effect.promise(() => world.redis.start())
      }
      const index = random.below(workers.length)
      yield* world.kill(workers[index]!)
      workers[index] = yield* start
    })

    const submitting = yield* Effect.forkChild(world.submitMany(EXECUTIONS, 2))
    for (const [index, fault] of shuffled.entries()) {
      yield* world.untilCalls(10 * (index + 1), 40_000)
      yield* carryOut(fault)
    }
    yield* Fiber.join(submitting)
    yield* world.settled({ hasten: true })
    assert.lengthOf(world.client.acknowledged, EXECUTIONS)
  })
}
