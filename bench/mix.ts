import { Duration, Effect, FiberSet, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import type { Ground } from "./ground.ts"
import { ask, send } from "./send.ts"
import type { Request } from "./send.ts"

type Api = Effect.Success<ReturnType<Ground["startLedger"]>>

/** What is sent, in parts of twenty: each submit is polled once more, until it has ended. */
const MIX = { read: 8, submit: 3, run: 3, poll: 5, list: 1 } as const
type Kind = keyof typeof MIX

const turns = Object.entries(MIX).flatMap(([kind, count]) => new Array<Kind>(count).fill(kind as Kind))

/** Sent at once, so often in a second. */
const TICKS = 20

/** Requests that may be open: more of them, and the service does not keep up. */
const OPEN = 2_000

/** The body of an answer; none where the service could not answer now, as on a disk that stalls. */
const tried = (request: Request, refuse: () => void) =>
  Effect.flatMap(Effect.orDie(send(request)), ({ status, body }) => {
    if (status < 300) return Effect.succeed(body)
    if (status !== 503) return Effect.die(new Error(`${request.url}: ${status} ${JSON.stringify(body)}`))
    return Effect.sync(refuse)
  })

/** Sends a mix of requests at a steady rate until it is interrupted, whether or not they are answered in time. */
export const mix = Effect.fnUntraced(function* ({ requests }: Api, perSecond: number) {
  const ids: Array<string> = []
  const counts = { sent: 0, done: 0, refused: 0 }
  const open = yield* FiberSet.make<unknown, never>()
  const first: { execution_id: string } = yield* ask(requests.run)
  const tell = (request: Request) => tried(request, () => counts.refused++)

  const submit = Effect.gen(function* () {
    const { headers, ...rest } = requests.submit
    const key = { "idempotency-key": randomUUID() }
    const accepted = yield* tell({ ...rest, headers: { ...headers, ...key } })
    if (accepted === undefined) return
    const { execution_id } = accepted
    const { url, ...poll } = requests.poll(execution_id)
    const execution = yield* tell({ ...poll, url: `${url}?wait=30` })
    if (execution === undefined) return
    if (execution.status !== "succeeded") {
      return yield* Effect.die(new Error(`${execution_id} is ${execution.status}`))
    }
    counts.done++
    ids.push(execution_id)
    if (ids.length > 100) ids.shift()
  })
  const operations: Record<Kind, Effect.Effect<unknown>> = {
    read: tell(requests.read),
    run: tell(requests.run),
    list: tell(requests.list),
    poll: Effect.suspend(() => tell(requests.poll(ids[counts.sent % ids.length] ?? first.execution_id))),
    submit
  }

  const tick = Effect.gen(function* () {
    for (let sent = 0; sent < perSecond / TICKS; sent++) {
      // Seven steps at a time pass each of twenty once, with each kind spread over them.
      const kind = turns[(counts.sent++ * 7) % turns.length]!
      yield* FiberSet.run(open, operations[kind])
    }
    const behind = yield* FiberSet.size(open)
    if (behind > OPEN) return yield* Effect.die(new Error(`${behind} requests wait for an answer`))
  }).pipe(Effect.repeat(Schedule.fixed(Duration.millis(1_000 / TICKS))))

  return { counts, sending: Effect.raceFirst(tick, FiberSet.join(open)) }
})
