import { Cause, Duration, Effect, Exit, Option } from "effect"
import type { SqlError } from "effect/sql/SqlError"
import { DatabaseUnavailable } from "../../services/DatabaseUnavailable.ts"
import type { Bulkhead } from "./bulkhead.ts"
import { isLocked } from "./orDefect.ts"

export interface LaneOptions<Item, Row> {
  /** Sends a batch as one statement. A row says by `place` which item of the batch it is for; an item may have none. */
  readonly send: (
    items: ReadonlyArray<Item>
  ) => Effect.Effect<ReadonlyArray<Row & { readonly place: number }>, SqlError>
  /** What a batch's statement goes through. */
  readonly through: Bulkhead
  /** What an item weighs in a batch, in bytes, about; nothing unless told. */
  readonly bytesOf?: (item: Item) => number
  /** Items that a batch has at most; 256 unless told. */
  readonly items?: number
  /** How long an item may take, waiting included; any time where there is no bound. */
  readonly patience?: Duration.Duration | undefined
}

/** A batch has this many items at most, unless told otherwise, and of several items this many bytes. */
const BATCH_ITEMS = 256
const BATCH_BYTES = 4 * 1024 * 1024

/** Items of a batch that failed which are sent alone at a time. */
const ALONE = 8

/** Items that wait for their batch; one more is refused at once. */
const WAITING_ITEMS = 5_000
const WAITING_BYTES = 64 * 1024 * 1024

interface Waiting<Item, Row> {
  readonly item: Item
  readonly bytes: number
  readonly resume: (exit: Exit.Exit<Option.Option<Row>>) => void
  /** Whether nobody waits for it any more. */
  left: boolean
}

const refused = new DatabaseUnavailable({ cause: new Error("too many of its kind wait already") })
const tooLate = new DatabaseUnavailable({ cause: new Error("it was not done in its time") })

/**
 * Group commit: operations of one kind that gather while a batch is on its way are sent as the next batch, so that they
 * share its round trip and, writes, its flush. Each is as durable as it was alone, and nobody waits for company.
 */
export const makeLane = <Item, Row>({
  send,
  through,
  bytesOf = () => 0,
  items = BATCH_ITEMS,
  patience
}: LaneOptions<Item, Row>) =>
  Effect.gen(function* () {
    const fork = Effect.runForkWith(yield* Effect.context())
    const waiting: Array<Waiting<Item, Row>> = []
    let waitingBytes = 0
    let sending = false
    /** Items that a batch may have: half of those that a server was too slow for, and one more with each that it did. */
    let room = items

    const leave = (one: Waiting<Item, Row>) => {
      one.left = true
      const at = waiting.indexOf(one)
      if (at < 0) return
      waiting.splice(at, 1)
      waitingBytes -= one.bytes
    }

    const nextBatch = (): ReadonlyArray<Waiting<Item, Row>> => {
      let length = 0
      let bytes = 0
      for (const one of waiting) {
        if (length === room || (length > 0 && bytes + one.bytes > BATCH_BYTES)) break
        length++
        bytes += one.bytes
      }
      waitingBytes -= bytes
      return waiting.splice(0, length)
    }

    /**
     * One bad or locked item must not fail the others: each is then sent alone, but for those that their callers
     * have given up: of those nobody would learn. An outage fails them all.
     */
    const deliver = (batch: ReadonlyArray<Waiting<Item, Row>>): Effect.Effect<void> =>
      Effect.flatMap(Effect.exit(through(send(batch.map(({ item }) => item)))), (exit) => {
        if (Exit.isSuccess(exit)) {
          room = Math.min(items, room + 1)
          const rows = new Map(exit.value.map((row) => [row.place, row]))
          batch.forEach(({ resume }, index) =>
            resume(Exit.succeed(Option.fromUndefinedOr(rows.get(index + 1))))
          )
          return Effect.void
        }
        const defect = Cause.squash(exit.cause)
        const isOutage = defect instanceof DatabaseUnavailable && !isLocked(defect)
        if (batch.length > 1 && !isOutage) {
          const alone = (one: Waiting<Item, Row>) => (one.left ? Effect.void : deliver([one]))
          return Effect.forEach(batch, alone, { concurrency: ALONE, discard: true })
        }
        if (isOutage) room = Math.ceil(batch.length / 2)
        batch.forEach(({ resume }) => resume(Exit.failCause(exit.cause)))
        return Effect.void
      })

    const sendAll = Effect.whileLoop({
      while: () => waiting.length > 0,
      body: () => deliver(nextBatch()),
      step: () => {}
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          sending = false
          start()
        })
      )
    )
    const start = () => {
      if (sending || waiting.length === 0) return
      sending = true
      // What comes in the same turn of the event loop goes with the first.
      setImmediate(() => fork(sendAll))
    }

    /** Does it for an item; none when the statement had no row for it. */
    return (item: Item): Effect.Effect<Option.Option<Row>> =>
      Effect.callback((resume) => {
        const bytes = bytesOf(item)
        if (waiting.length >= WAITING_ITEMS || waitingBytes + bytes > WAITING_BYTES) {
          return resume(Effect.die(refused))
        }
        const giveUp = () => {
          leave(one)
          resume(Effect.die(tooLate))
        }
        const timer = patience && setTimeout(giveUp, Duration.toMillis(patience))
        const one: Waiting<Item, Row> = {
          item,
          bytes,
          resume: (exit) => {
            clearTimeout(timer)
            resume(exit)
          },
          left: false
        }
        waiting.push(one)
        waitingBytes += bytes
        start()
        return Effect.sync(() => {
          clearTimeout(timer)
          leave(one)
        })
      })
  })

export type Lane<Item, Row> = (item: Item) => Effect.Effect<Option.Option<Row>>
