import { Metric } from "effect"
import { AttemptOutcome } from "../domain/Execution.ts"

/*
 * What the service measures of itself. Names are Prometheus's: a unit where there is one, `_total` for what only grows.
 */

/** One counter for each of these. */
const countersOf = <Key extends string>(
  keys: ReadonlyArray<Key>,
  make: (key: Key) => Metric.Counter<number>
) => {
  const counters = Object.fromEntries(keys.map((key) => [key, make(key)])) as Record<
    Key,
    Metric.Counter<number>
  >
  return (key: Key) => counters[key]
}

/** Attempts that ended, by outcome, as the ledger records it. */
export const attemptsWith = countersOf(AttemptOutcome.literals, (outcome) =>
  Metric.counter("promptledger_attempts_total", {
    description: "Attempts that ended, by outcome",
    incremental: true,
    attributes: { outcome }
  })
)

/** Leases that this process held and lost, by a cancel or to a sweeper. */
export const leasesLost = Metric.counter("promptledger_leases_lost_total", {
  description: "Leases of this process that another took or a cancel ended",
  incremental: true
})

/** What sweeps of this process found: executions of lost workers, and due ones whose wake-up call was lost. */
export const sweeperFindsOf = (kind: "recovered" | "due") =>
  Metric.counter("promptledger_sweeper_finds_total", {
    description: "Executions found by sweeps: recovered from lost workers, or due and not called for",
    incremental: true,
    attributes: { kind }
  })

/** What this process dropped for its age: executions, or the bodies of executions. */
export const droppedOf = (kind: "executions" | "bodies") =>
  Metric.counter("promptledger_retention_dropped_total", {
    description: "Executions dropped for their age, and executions whose bodies were",
    incremental: true,
    attributes: { kind }
  })

export const queueDepth = Metric.gauge("promptledger_queue_depth", {
  description: "Executions that are queued, as the database has it"
})

export const oldestQueued = Metric.gauge("promptledger_queue_oldest_age_seconds", {
  description: "Time since the oldest queued execution was submitted; 0 when none is queued"
})

export const rollupsPending = Metric.gauge("promptledger_rollups_pending", {
  description: "Executions that have ended and are in no rollup yet, as the database has it"
})

export type Pool = "read" | "scan" | "write"

/** How long database operations wait for a connection, by pool. */
export const poolWaitOf = (pool: Pool) =>
  Metric.histogram("promptledger_database_pool_wait_seconds", {
    description: "Time that database operations wait for a place in their pool",
    boundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1],
    attributes: { pool }
  })

/** Operations that wait for a connection now, by pool. */
export const poolWaitingOf = (pool: Pool) =>
  Metric.gauge("promptledger_database_pool_waiting", {
    description: "Database operations that wait for a place in their pool",
    attributes: { pool }
  })

/** Operations that a database refused, did not answer in time, or could not be given to at all, by pool. */
export const databaseFailuresOf = (pool: Pool) =>
  Metric.counter("promptledger_database_failures_total", {
    description: "Database operations that ended as an outage, by pool",
    incremental: true,
    attributes: { pool }
  })
