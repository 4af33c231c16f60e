import type { Scenario } from "../world.ts"
import * as redis from "./redis.ts"
import * as workers from "./workers.ts"

/** Every scenario, the longest first. */
export const scenarios: ReadonlyArray<Scenario> = [
  workers.killedWithDefaultTimes,
  workers.blockedEventLoop,
  workers.killedInMidCall,
  workers.killedAfterClaim,
  workers.killedBeforeCommit,
  workers.killedBeforeAcknowledgement,
  workers.zombie,
  workers.toldToStop,
  workers.drainedApi,
  workers.poison,
  workers.wrongClock,
  redis.apiKilledBeforeEnqueue,
  redis.redisKilled,
  redis.flushedUnderLoad,
  redis.redisDown,
  redis.redisHung,
  redis.redisFull,
  redis.enqueuedFiveTimes
]
