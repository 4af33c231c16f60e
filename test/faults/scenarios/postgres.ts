import { assert } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { Scope } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { chownSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serverAccount } from "../../support/servers.ts"
import type { PostgresOptions } from "../../support/servers.ts"
import type { Exchange } from "../client.ts"
import { eventually } from "../eventually.ts"
import { holdConnections } from "../holdConnections.ts"
import { after, answers } from "../provider.ts"
import type { Scenario, World } from "../world.ts"

const own: Effect.Effect<PostgresOptions> = Effect.succeed({})

/** Submits one after the other, until told otherwise. */
const submitUntil = Effect.fnUntraced(function* (world: World, done: () => boolean) {
  const exchanges: Array<Exchange> = []
  while (!done()) {
    exchanges.push(...(yield* world.submitMany(1)))
    yield* Effect.sleep(50)
  }
  return exchanges
})

const untilAccepted = (world: World, within?: number) =>
  eventually(
    "the API accepts again",
    Effect.map(world.submitMany(1), ([exchange]) => exchange!.status === 202),
    within
  )

const untilReady = (world: World, ready: boolean) =>
  eventually(
    `the API is ${ready ? "" : "not "}ready`,
    Effect.map(world.client.send("GET", "/ready"), ({ status }) => status === (ready ? 200 : 503))
  )

/** What a caller may see while the database is away: an acknowledgement, or a refusal that says when to come back. */
const acceptedOrRefused = (exchanges: ReadonlyArray<Exchange>) => {
  for (const { status, retryAfter } of exchanges) {
    assert.include([202, 503], status)
    if (status === 503) assert.isNotNull(retryAfter)
  }
}

const refusals = (exchanges: ReadonlyArray<Exchange>) => exchanges.filter(({ status }) => status === 503)

/** Leases longer than the outage, so that the answers which come meanwhile are still theirs to write. */
const outliving = { LEASE: "12 s", HEARTBEAT: "2 s" }

export const restarted: Scenario = {
  number: 13,
  name: "PostgreSQL is stopped at once and restarted",
  ownPostgres: own,
  env: outliving,
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    yield* world.startWorkers(2)
    const held = world.provider.hold()
    yield* world.submitMany(12)
    yield* world.untilCalls(12)
    let up = false
    const load = yield* Effect.forkChild(submitUntil(world, () => up))
    yield* world.fault(
      "PostgreSQL stopped at once",
      Effect.promise(() => world.postgres.kill())
    )
    world.provider.behave(answers)
    held.answer()
    yield* eventually(
      "submits are refused",
      Effect.sync(() => world.client.exchanges.filter(({ status }) => status === 503).length >= 5)
    )
    yield* Effect.promise(() => world.postgres.start())
    const restart = Date.now()
    yield* untilAccepted(world)
    up = true
    const exchanges = yield* Fiber.join(load)
    acceptedOrRefused(exchanges)
    yield* world.settled()
    world.figures["postgres_restart_ms"] = Date.now() - restart
    for (const { marker } of world.client.acknowledged) {
      assert.lengthOf(world.provider.callsOf(marker), 1, marker)
    }
  })
}

const PAUSE = 3_500

export const paused: Scenario = {
  number: 14,
  name: "PostgreSQL is frozen for three and a half seconds",
  ownPostgres: own,
  env: outliving,
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    yield* world.startWorkers(2)
    world.provider.behave(after(100))
    yield* world.submitMany(10)
    yield* world.fault("SIGSTOP of PostgreSQL", Effect.sync(world.postgres.pause))
    const until = Date.now() + PAUSE
    const exchanges = yield* submitUntil(world, () => Date.now() > until)
    world.postgres.resume()
    acceptedOrRefused(exchanges)
    assert.isNotEmpty(refusals(exchanges))
    yield* untilAccepted(world)
    yield* world.settled()
    for (const { marker } of world.client.acknowledged) {
      assert.lengthOf(world.provider.callsOf(marker), 1, marker)
    }
  })
}

const DISK_MB = 96

/** A small file system in memory; none where it can't be mounted. */
const smallDisk: Effect.Effect<string | undefined, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(join(tmpdir(), "promptledger-disk-"))
    const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MB}m`, "tmpfs", folder])
    if (status === 0) return folder
    rmSync(folder, { recursive: true })
    return undefined
  }),
  (folder) =>
    Effect.sync(() => {
      if (folder === undefined) return
      execFileSync("umount", ["-l", folder])
      rmSync(folder, { recursive: true })
    })
)

const onSmallDisk = Effect.map(smallDisk, (disk): PostgresOptions => {
  if (disk === undefined) return {}
  const folder = mkdtempSync(join(disk, "data-"))
  const { uid, gid } = serverAccount()
  if (uid !== undefined) chownSync(folder, uid, gid!)
  return {
    folder,
    initdb: ["--wal-segsize=1"],
    settings: { min_wal_size: "2MB", max_wal_size: "8MB", shared_buffers: "16MB", autovacuum: "off" }
  }
})

/** Makes the disk full, or makes PostgreSQL say that it is; the effect that it gives makes room again. */
const fillDisk = Effect.fnUntraced(function* ({ ledger, postgres, notes }: World) {
  if (postgres.folder.includes("promptledger-disk-")) {
    const filler = join(postgres.folder, "..", "filler")
    const { bavail, bsize } = statfsSync(postgres.folder)
    try {
      writeFileSync(filler, Buffer.alloc(bavail * bsize))
    } catch {
      // PostgreSQL has taken some of it meanwhile: full is what it should be.
    }
    notes.push("on a small file system that was full")
    return Effect.sync(() => rmSync(filler))
  }
  notes.push("simulated by SQLSTATE 53100: no file system could be mounted")
  yield* ledger.sql`
    CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$`
  yield* ledger.sql`
    CREATE TRIGGER disk_full BEFORE INSERT ON executions FOR EACH ROW EXECUTE FUNCTION disk_full()`
  return Effect.asVoid(Effect.orDie(ledger.sql`DROP TRIGGER disk_full ON executions`))
}, Effect.orDie)

/** Text that does not compress, so that rows take up room. */
const bulk = ({ random }: World) =>
  Array.from({ length: 4_000 }, () => random.next().toString(36).slice(2)).join("")

export const diskFull: Scenario = {
  number: 15,
  name: "PostgreSQL's disk is full",
  ownPostgres: onSmallDisk,
  deadline: 30_000,
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    yield* world.startWorkers(2)
    yield* world.submitMany(10)
    const makeRoom = yield* world.fault("disk full", fillDisk(world))
    const submitBig = Effect.suspend(() => world.client.submit(world.newSubmission(bulk(world))))
    yield* eventually(
      "a submit is refused",
      Effect.map(submitBig, ({ status }) => status === 503)
    )
    const exchanges = yield* Effect.all(
      Array.from({ length: 10 }, () => submitBig),
      { concurrency: 2 }
    )
    acceptedOrRefused(exchanges)
    yield* untilReady(world, false)
    yield* makeRoom
    // It gives up when its log can't be written.
    yield* Effect.promise(() => world.postgres.start())
    yield* untilReady(world, true)
    yield* untilAccepted(world)
    yield* world.settled()
  })
}

const CONNECTIONS = 60

export const connectionsUsedUp: Scenario = {
  number: 16,
  name: "PostgreSQL's connections are used up, and its backends terminated in a loop",
  ownPostgres: Effect.succeed({ settings: { max_connections: String(CONNECTIONS) } }),
  play: Effect.fnUntraced(function* (world) {
    yield* world.startApi()
    yield* world.startWorkers(2)
    world.provider.behave(after(100))
    yield* world.submitMany(5)
    const terminate = world.fault(
      "every backend terminated",
      Effect.orDie(world.ledger.sql`
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'promptledger'`)
    )

    const exchanges = yield* Effect.scoped(
      Effect.gen(function* () {
        const holders = yield* holdConnections(world.postgres.url)
        yield* world.fault("connections used up", Effect.void)
        yield* eventually(
          "the service has no connection left",
          terminate.pipe(
            Effect.andThen(holders.more(CONNECTIONS)),
            Effect.andThen(Effect.map(world.ledger.connections, ({ count }) => count === 0))
          )
        )
        return yield* world.submitMany(10, 4)
      })
    )
    acceptedOrRefused(exchanges)
    assert.lengthOf(refusals(exchanges), 10)
    yield* untilAccepted(world)

    const until = Date.now() + 3_000
    const load = yield* Effect.forkChild(submitUntil(world, () => Date.now() > until))
    while (Date.now() < until) {
      yield* terminate
      yield* Effect.sleep(100)
    }
    acceptedOrRefused(yield* Fiber.join(load))
    yield* world.settled()
  })
}
