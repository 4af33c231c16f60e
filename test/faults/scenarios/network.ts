import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { proxyTo, through } from "../../support/proxy.ts"
import type { Proxy } from "../../support/proxy.ts"
import { eventually } from "../eventually.ts"
import { after } from "../provider.ts"
import type { Scenario, World } from "../world.ts"

const AWAY = 3_000

/** Submits while a server can't be heard, and gives it back. */
const silenced = Effect.fnUntraced(function* (world: World, name: string, proxy: Proxy) {
  yield* world.fault(`${name} black-holed`, proxy.blackHole)
  const until = Date.now() + AWAY
  const statuses: Array<number> = []
  while (Date.now() < until) {
    statuses.push(...(yield* world.submitMany(2)).map(({ status }) => status))
    yield* Effect.sleep(50)
  }
  yield* proxy.restore
  yield* eventually(
    `submits are accepted after ${name}`,
    Effect.map(world.submitMany(1), ([exchange]) => exchange!.status === 202)
  )
  return statuses
})

export const halfOpen: Scenario = {
  number: 17,
  name: "connections to PostgreSQL, Redis and the provider go silent",
  env: { PROVIDER_TIMEOUT: "2 s" },
  deadline: 40_000,
  play: Effect.fnUntraced(function* (world) {
    const { DATABASE_URL, REDIS_URL, OPENAI_BASE_URL } = world.env
    const toPostgres = yield* proxyTo(DATABASE_URL)
    const toRedis = yield* proxyTo(REDIS_URL)
    const toProvider = yield* proxyTo(OPENAI_BASE_URL)
    const env = {
      DATABASE_URL: through(toPostgres, DATABASE_URL),
      REDIS_URL: through(toRedis, REDIS_URL),
      OPENAI_BASE_URL: through(toProvider, OPENAI_BASE_URL)
    }
    yield* world.startApi({ env })
    yield* world.startWorkers(2, { env })
    world.provider.behave(after(100))
    yield* world.submitMany(4)
    const withoutRedis = yield* silenced(world, "Redis", toRedis)
    assert.isTrue(withoutRedis.every((status) => status === 202))
    const withoutProvider = yield* silenced(world, "the provider", toProvider)
    assert.isTrue(withoutProvider.every((status) => status === 202))
    const withoutPostgres = yield* silenced(world, "PostgreSQL", toPostgres)
    assert.isTrue(withoutPostgres.every((status) => status === 503 || status === 202))
    assert.include(withoutPostgres, 503)
    yield* world.settled({ hasten: true })
  })
}
