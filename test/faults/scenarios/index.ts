import type { Scenario } from "../world.ts"
import * as clients from "./clients.ts"
import * as combined from "./combined.ts"
import * as network from "./network.ts"
import * as postgres from "./postgres.ts"
import * as provider from "./provider.ts"
import * as redis from "./redis.ts"
import * as release from "./release.ts"
import * as workers from "./workers.ts"

const all: ReadonlyArray<Scenario> = [
  clients,
  combined,
  network,
  postgres,
  provider,
  redis,
  release,
  workers
].flatMap((group) => Object.values(group))

/** The longest come first, so that the others can play meanwhile. */
const first: ReadonlyArray<Scenario> = [
  workers.killedWithDefaultTimes,
  workers.blockedEventLoop,
  combined.combined
]

/** `ONLY=4,17` plays these alone. */
const chosen = process.env["ONLY"]?.split(",").map(Number)

export const scenarios: ReadonlyArray<Scenario> = [
  ...first,
  ...all.filter((scenario) => !first.includes(scenario)).toSorted((a, b) => a.number - b.number)
].filter(({ number }) => chosen === undefined || chosen.includes(number))
