import { PgConnection } from "@effect/sql-pg"
import type { PgClient } from "@effect/sql-pg"
import { Deferred, Effect, Queue } from "effect"
import type { Scope } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { logFailures } from "../../services/logFailures.ts"
import { reasonOf } from "../../services/reasonOf.ts"
import type { Bulkhead } from "./bulkhead.ts"

/** Calls workers of other processes on the same database. Nothing depends on it: what it fails to tell, sweepers find. */
export interface Notifier {
  /** Notifies the other processes, in the background; many notifications at once may be heard as one. */
  readonly notify: () => void
  /**
   * Has `heard` run whenever another process notifies, and whenever it may have done so unheard, until the scope closes.
   * Ends once that is so, or can't be yet.
   */
  readonly listen: (heard: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
  /** Whether notifications are heard here. */
  readonly listens: () => boolean
}

/** The notifier of a database that no other process has. */
export const noNotifier: Notifier = { notify: () => {}, listen: (heard) => heard, listens: () => true }

export interface NotifierOptions {
  /** How to connect, for the connection that listens. */
  readonly connection: PgConnection.Config
  readonly sql: PgClient.PgClient
  readonly through: Bulkhead
}

const CHANNEL = "promptledger_due"

/** How long after a connection was lost the next is tried. */
const AGAIN = "500 millis"

/** A notifier by NOTIFY, for which a statement of its own is sent: in a transaction that writes it would slow down every commit. */
export const makeNotifier = Effect.fnUntraced(function* ({ connection, sql, through }: NotifierOptions) {
  const self = crypto.randomUUID()
  const notifying = yield* Queue.dropping<void>(1)
  let listens = false

  yield* Queue.take(notifying).pipe(
    Effect.andThen(through(sql`SELECT pg_notify(${CHANNEL}, ${self})`)),
    Effect.catchCause(logFailures("other workers were not woken")),
    Effect.forever,
    Effect.forkScoped
  )

  const listen = Effect.fnUntraced(function* (heard: Effect.Effect<void>) {
    const tried = yield* Deferred.make<void>()
    let lost = false

    const hear = Effect.gen(function* () {
      const notifications = yield* Effect.flatMap(PgConnection.make(connection), (line) =>
        line.listen(CHANNEL)
      )
      listens = true
      if (lost) yield* Effect.logInfo("workers of other processes can wake this one again")
      lost = false
      yield* heard
      yield* Deferred.succeed(tried, undefined)
      yield* Queue.take(notifications).pipe(
        Effect.flatMap(({ payload }) => (payload === self ? Effect.void : heard)),
        Effect.forever
      )
    }).pipe(
      Effect.scoped,
      Effect.ensuring(
        Effect.sync(() => {
          listens = false
        })
      )
    )
    const tell = (error: SqlError) =>
      Effect.suspend(() => {
        if (lost) return Effect.void
        lost = true
        const reason = reasonOf(error)
        return Effect.logWarning(`workers of other processes can't wake this one, and it sweeps: ${reason}`)
      })
    yield* hear.pipe(
      Effect.catch(tell),
      Effect.andThen(Deferred.succeed(tried, undefined)),
      Effect.andThen(Effect.sleep(AGAIN)),
      Effect.forever,
      Effect.forkScoped
    )
    yield* Deferred.await(tried)
  })

  const notifier: Notifier = {
    notify: () => Queue.offerUnsafe(notifying, undefined),
    listen,
    listens: () => listens
  }
  return notifier
})
