import { Effect } from "effect"
import type { ServerResponse } from "node:http"
import { fakeOpenAi, onCue, says } from "../support/fakeOpenAi.ts"
import type { Behaviour, SeenCall } from "../support/fakeOpenAi.ts"

/** One call, as the provider wrote it down. */
export interface ProviderCall {
  /** Also the `x-request-id` of its answer. */
  readonly id: string
  /** Of which execution: its prompt says so. */
  readonly marker: string
  readonly at: number
}

export type Reply = (call: ProviderCall) => Behaviour

const MARKER = /mk-\d+-\d+/

/** A whole answer that tells which call it was given to. */
export const answers: Reply = (call) => says(`answer to ${call.id}`, { "x-request-id": call.id })

/** Answers a while later. */
export const after =
  (millis: number, reply: Reply = answers): Reply =>
  (call) =>
  (seen, response) =>
    void setTimeout(() => reply(call)(seen, response), millis)

/** Answers the first calls for an execution so, one each, and the rest as usual. */
const nth = (replies: ReadonlyArray<Reply>) => {
  let made = 0
  return (): Reply => replies[made++] ?? answers
}

/** A provider that keeps a log of its calls by execution, and answers each execution as it is told. */
export const makeProvider = Effect.gen(function* () {
  const fake = yield* fakeOpenAi
  const calls: Array<ProviderCall> = []
  const planned = new Map<string, () => Reply>()
  let usual: Reply = answers

  fake.behave((seen: SeenCall, response: ServerResponse) => {
    const marker = MARKER.exec(JSON.stringify(seen.body))?.[0] ?? "unknown"
    const call = { id: `call-${calls.length + 1}`, marker, at: Date.now() }
    calls.push(call)
    const reply = planned.get(marker)?.() ?? usual
    reply(call)(seen, response)
  })

  return {
    url: fake.url,
    calls: calls as ReadonlyArray<ProviderCall>,
    callsOf: (marker: string) => calls.filter((call) => call.marker === marker),
    /** How it answers whatever has no plan of its own. */
    behave: (reply: Reply) => {
      usual = reply
    },
    /** How it answers the calls for one execution, in turn; the last reply is not repeated. */
    plan: (marker: string, replies: ReadonlyArray<Reply>) => void planned.set(marker, nth(replies)),
    /** Holds back every answer until `answer` is called; later calls are held back too, until `behave`. */
    hold: () => {
      const replies: Array<() => void> = []
      usual = (call) => {
        const cue = onCue(answers(call))
        replies.push(cue.answer)
        return cue.behaviour
      }
      return {
        answer: () => {
          for (const reply of replies.splice(0)) reply()
        }
      }
    }
  }
})

export type Provider = Effect.Success<typeof makeProvider>
