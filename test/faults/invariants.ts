import { Effect } from "effect"
import type { Acknowledged } from "./client.ts"
import { eventually } from "./eventually.ts"
import { isTerminal } from "./ledger.ts"
import type { AttemptRow, ExecutionRow, Transition } from "./ledger.ts"
import type { ProviderCall } from "./provider.ts"
import { heapOf, memoryOf } from "./world.ts"
import type { World } from "./world.ts"

/** The API answers within 2 s, whatever is down, and its caller sees it a little later. */
const ANSWERED_WITHIN = 2_500
/** What a busy machine may add: scenarios play side by side. */
const SLACK = 3_000
/** Attempts that are counted, and those that were lost with their worker. */
const MAX_ATTEMPTS = 4
const MAX_LOST = 3
/** A process's two pools, full, and the connection that listens. */
const POOL = 21
const MAX_MEMORY_MB = 450

/** What a process may keep more than once it was ready, when its garbage is collected: compiled code, caches, statements. */
const MAX_GROWN_MB = 48

/** What the provider and the database say, apart from what the service says of itself. */
interface Evidence {
  readonly acknowledged: ReadonlyArray<Acknowledged>
  readonly executions: ReadonlyArray<ExecutionRow>
  readonly attemptsOf: (execution_id: string) => ReadonlyArray<AttemptRow>
  readonly calls: ReadonlyArray<ProviderCall>
  readonly callsOf: (marker: string) => ReadonlyArray<ProviderCall>
  readonly transitions: ReadonlyArray<Transition>
}

type Violations = ReadonlyArray<string>

const grouped = <A>(all: ReadonlyArray<A>, keyOf: (one: A) => string) => {
  const groups = Map.groupBy(all, keyOf)
  return (key: string): ReadonlyArray<A> => groups.get(key) ?? []
}

const gather = Effect.fnUntraced(function* ({ client, ledger, provider }: World) {
  const executions = yield* ledger.executions
  return {
    acknowledged: client.acknowledged,
    executions,
    attemptsOf: grouped(yield* ledger.attempts, ({ execution_id }) => execution_id),
    calls: provider.calls,
    callsOf: grouped(provider.calls, ({ marker }) => marker),
    transitions: yield* ledger.transitions
  } satisfies Evidence
})

/** Acknowledged executions that are not there, or have not ended. */
export const lostOf = ({ acknowledged, executions }: Pick<Evidence, "acknowledged" | "executions">) => {
  const ended = new Set(executions.filter(isTerminal).map(({ execution_id }) => execution_id))
  return [...new Set(acknowledged.map(({ execution_id }) => execution_id))].filter((id) => !ended.has(id))
}

/** Calls that the ledger does not account for, or that it had no leave to make. */
export const extraCallsOf = ({ executions, calls, callsOf, attemptsOf }: Evidence) => {
  const known = new Set(executions.map(({ marker }) => marker))
  const unknown = calls.filter(({ marker }) => !known.has(marker)).length
  return executions.reduce((sum, { marker, execution_id }) => {
    const again = attemptsOf(execution_id).filter(mayRepeat).length
    return sum + Math.max(0, callsOf(marker).length - again - 1)
  }, unknown)
}

const mayRepeat = ({ outcome }: AttemptRow) => outcome === "retryable" || outcome === "unknown"

const acknowledgedEnd = (evidence: Evidence): Violations =>
  lostOf(evidence).map((id) => `I1: acknowledged execution ${id} has not ended`)

const callsAreRecorded = ({ executions, attemptsOf, callsOf }: Evidence): Violations =>
  executions.flatMap(({ execution_id, marker, mode }) => {
    const attempts = attemptsOf(execution_id)
    const lost = attempts.filter(({ outcome }) => outcome === "unknown").length
    const calls = callsOf(marker).length
    return [
      ...(calls > attempts.length
        ? [`I2: ${marker} (${mode}): ${calls} calls, ${attempts.length} attempts`]
        : []),
      ...(attempts.length - lost > MAX_ATTEMPTS ? [`I2: ${marker}: ${attempts.length - lost} attempts`] : []),
      ...(lost > MAX_LOST ? [`I2: ${marker}: ${lost} lost attempts`] : [])
    ]
  })

const repeatsAreAllowed = (evidence: Evidence): Violations => [
  ...(extraCallsOf(evidence) > 0 ? [`I3: ${extraCallsOf(evidence)} calls without leave`] : []),
  ...evidence.executions.flatMap(({ execution_id, marker }) =>
    evidence
      .attemptsOf(execution_id)
      .slice(0, -1)
      .filter((attempt) => !mayRepeat(attempt))
      .map(
        ({ attempt_number, outcome }) => `I3: ${marker}: another attempt after ${attempt_number}, ${outcome}`
      )
  )
]

const transitionsAreLegal = ({ transitions }: Evidence): Violations =>
  transitions
    .filter(({ ended, old_epoch, new_epoch }) => ended || new_epoch < old_epoch)
    .map((it) => `I4: ${it.old_status}/${it.old_epoch} became ${it.new_status}/${it.new_epoch}`)

const winnersKeepTheirAnswer = ({ executions, attemptsOf }: Evidence): Violations =>
  executions
    .filter(({ status }) => status === "succeeded")
    .filter(({ execution_id, epoch, response_text, provider_request_id }) => {
      const last = attemptsOf(execution_id).at(-1)
      const call = last?.provider_request_id
      return (
        last?.attempt_number !== epoch ||
        last.outcome !== "succeeded" ||
        provider_request_id !== call ||
        response_text === null ||
        !response_text.includes(`answer to ${call}`)
      )
    })
    .map(({ marker, response_text }) => `I5: ${marker} has not its last attempt's answer: ${response_text}`)

const keysMeanOneRequest = Effect.fnUntraced(function* ({ client }: World) {
  const idsOf = Map.groupBy(client.acknowledged, ({ key }) => key)
  const doubled = [...idsOf].filter(
    ([, all]) => new Set(all.map(({ execution_id }) => execution_id)).size > 1
  )
  const sample = client.urls.length === 0 ? [] : client.acknowledged.slice(-2)
  const replayed = yield* Effect.forEach(sample, (acknowledged) =>
    Effect.map(client.submit(acknowledged), ({ status, body }) =>
      status < 300 && body.execution_id === acknowledged.execution_id
        ? []
        : [`I6: ${acknowledged.key} sent again: ${status}`]
    )
  )
  const reused = yield* Effect.forEach(sample, ({ key, body }) =>
    Effect.map(
      client.send("POST", "/v1/executions:submit", {
        key,
        body: { ...(body as object), environment: "other" }
      }),
      ({ status }) => (status === 422 ? [] : [`I6: ${key} sent with another body: ${status}`])
    )
  )
  return [
    ...doubled.map(([key]) => `I6: ${key} has several executions`),
    ...replayed.flat(),
    ...reused.flat()
  ]
})

/** What takes as long as it is told to, or as a provider takes; and the set-up, before any fault. */
const MAY_TAKE_LONG = /[?&]wait=|:run$|\/execute$|^PUT /

/** One that a busy machine held up may be late; half of them may not. */
const refusalsAreQuick = ({ client }: World): Violations => {
  const times = client.exchanges
    .filter(({ what, status }) => status === 503 && !MAY_TAKE_LONG.test(what))
    .map(({ millis }) => millis)
    .toSorted((a, b) => a - b)
  const median = times[Math.floor(times.length / 2)] ?? 0
  return median > ANSWERED_WITHIN ? [`I7: half of the refusals took ${median} ms or more`] : []
}

const answersSayWhen = ({ client }: World): Violations =>
  client.exchanges.flatMap(({ what, status, millis, retryAfter }) => [
    ...(status === 500 ? [`I7: ${what}: 500`] : []),
    ...(status === 503 && retryAfter === null ? [`I7: ${what}: 503 without Retry-After`] : []),
    ...(millis > ANSWERED_WITHIN + SLACK && !MAY_TAKE_LONG.test(what)
      ? [`I7: ${what}: ${status} after ${millis} ms`]
      : [])
  ])

const secretsAreKept = Effect.fnUntraced(function* ({ client, leaks, ledger, secrets }: World) {
  const { apiKey, providerKey, databasePassword } = secrets
  const errors = client.exchanges.filter(({ status }) => status >= 400)
  const tables = yield* Effect.forEach([apiKey, providerKey, databasePassword], ledger.tablesWith)
  return [
    ...[...leaks].map((name) => `I8: a log has the secret ${name}`),
    ...errors.flatMap(({ what, status, body }) =>
      Object.entries(secrets)
        .filter(([, secret]) => JSON.stringify(body).includes(secret))
        .map(([name]) => `I8: the ${status} to ${what} has the secret ${name}`)
    ),
    ...tables.flat().map((table) => `I8: a key is in ${table}`)
  ]
})

/** What waits for a connection in a process, as it says itself; nothing where there is no process to ask. */
const waitingIn = ({ client }: World, url: string) =>
  Effect.map(client.send("GET", "/metrics", { url }), ({ body }) =>
    [...String(body).matchAll(/^promptledger_database_pool_waiting\{.*\} (\d+)$/gm)].reduce(
      (sum, [, waiting]) => sum + Number(waiting),
      0
    )
  )

const resourcesComeBack = Effect.fnUntraced(function* (world: World) {
  const { ledger, running, figures } = world
  const alive = running()
  const memory = Math.max(0, ...alive.map(memoryOf))
  figures["memory_mb"] = Math.round(memory)
  const grown = yield* Effect.forEach(alive, (process) =>
    Effect.map(heapOf(process), (heap) => heap - process.heap)
  )
  figures["heap_grown_mb"] = Math.round(Math.max(0, ...grown))
  yield* eventually(
    `I9: at most ${alive.length * POOL} connections`,
    Effect.map(ledger.connections, ({ count }) => count <= alive.length * POOL),
    5_000
  )
  yield* eventually(
    "I9: nothing goes on in any connection",
    Effect.map(ledger.connections, ({ busy }) => busy === 0),
    5_000
  )
  yield* eventually(
    "I9: nothing waits for a connection",
    Effect.map(
      Effect.forEach(alive, ({ url }) => waitingIn(world, url)),
      (waiting) => waiting.every((count) => count === 0)
    ),
    5_000
  )
  return [
    ...(memory > MAX_MEMORY_MB ? [`I9: a process has ${Math.round(memory)} MB`] : []),
    ...grown
      .filter((more) => more > MAX_GROWN_MB)
      .map((more) => `I9: a process keeps ${Math.round(more)} MB more than at first`)
  ]
})

/** Violations of one invariant that are shown: more say no more than the first few. */
const SHOWN = 4

const firstOfEach = (violations: Violations): Violations =>
  [...Map.groupBy(violations, (violation) => violation.slice(0, 2)).values()].flatMap((same) =>
    same.slice(0, SHOWN)
  )

/** Everything that must hold after any scenario. */
export const checkInvariants = Effect.fnUntraced(function* (world: World) {
  const keys = yield* keysMeanOneRequest(world)
  const evidence = yield* gather(world)
  const violations = [
    ...acknowledgedEnd(evidence),
    ...callsAreRecorded(evidence),
    ...repeatsAreAllowed(evidence),
    ...transitionsAreLegal(evidence),
    ...winnersKeepTheirAnswer(evidence),
    ...keys,
    ...refusalsAreQuick(world),
    ...answersSayWhen(world),
    ...(yield* secretsAreKept(world)),
    ...(yield* resourcesComeBack(world))
  ]
  return {
    violations: firstOfEach(violations),
    executions: evidence.executions.length,
    lost: lostOf(evidence).length,
    extraCalls: extraCallsOf(evidence)
  }
})
