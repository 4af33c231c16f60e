import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { newFolder } from "../support/database.ts"
import { startApi } from "../support/processes.ts"
import type { Running } from "../support/processes.ts"
import { makeClient } from "./client.ts"
import type { Client } from "./client.ts"
import { eventually } from "./eventually.ts"
import { makeProvider } from "./provider.ts"
import { Random } from "../support/Random.ts"
import { SEED } from "./seed.ts"

const NUMBER = 30
const NAME = "the one embedded process is killed during 200 submits, twenty times over"
const ROUNDS = 20
const SUBMITS = 200
const AT_ONCE = 8
const KEY = "a-key-for-the-faults"

const submissionsOf = (round: number) =>
  Array.from({ length: SUBMITS }, (_, index) => {
    const marker = `mk-${NUMBER}-${round * SUBMITS + index}`
    const model = { provider: "openai", model_name: "gpt-4o-mini" }
    return { marker, key: marker, body: { prompt_name: "faults", variables: { marker }, model } }
  })

type Submission = ReturnType<typeof submissionsOf>[number]

const submitAll = (client: Client, submissions: ReadonlyArray<Submission>) =>
  Effect.forEach(submissions, client.submit, { concurrency: AT_ONCE })

it.live(`${NUMBER}: ${NAME}`, ({ task }) =>
  Effect.gen(function* () {
    const started = Date.now()
    const random = new Random(SEED * 100 + NUMBER)
    const provider = yield* makeProvider
    const env = {
      DATA_DIR: yield* newFolder,
      API_KEY: KEY,
      OPENAI_BASE_URL: provider.url,
      LEASE: "2 s",
      HEARTBEAT: "700 ms",
      SWEEP: "500 ms",
      GRACE: "500 ms",
      LOG_LEVEL: "warn"
    }
    const client = makeClient(KEY)
    const restart = Effect.gen(function* () {
      const api = yield* startApi({ ...env, LOG_LEVEL: "info" })
      client.urls.splice(0, 1, api.url)
      return api
    })

    /** Submits, and kills the process at some point of it. */
    const killedWhileSubmitting = Effect.fnUntraced(function* (
      api: Running,
      submissions: ReadonlyArray<Submission>
    ) {
      const acknowledged = client.acknowledged.length
      const submitting = yield* Effect.forkChild(submitAll(client, submissions))
      const enough = 1 + random.below(SUBMITS - AT_ONCE)
      yield* eventually(
        `${enough} submits are acknowledged`,
        Effect.sync(() => client.acknowledged.length >= acknowledged + enough)
      )
      yield* api.stop("SIGKILL")
      yield* Fiber.join(submitting)
    })

    /** Every execution has ended, and was called for as often as its attempts say. */
    const checked = ({ marker, execution_id }: { readonly marker: string; readonly execution_id: string }) =>
      Effect.gen(function* () {
        const { body: lineage } = yield* eventually(
          `${marker} has ended`,
          Effect.map(client.send("GET", `/v1/executions/${execution_id}/lineage`), (exchange) =>
            exchange.body.execution?.completed_at ? exchange : undefined
          )
        )
        const ended = lineage.execution
        assert.strictEqual(ended.status, "succeeded", marker)
        const attempts: ReadonlyArray<{ readonly outcome: string }> = lineage.attempts
        const outcomes = attempts.map(({ outcome }) => outcome)
        assert.strictEqual(outcomes.at(-1), "succeeded", marker)
        assert.isTrue(
          outcomes.slice(0, -1).every((outcome) => outcome === "unknown"),
          marker
        )
        assert.isAtMost(provider.callsOf(marker).length, attempts.length, marker)
        assert.strictEqual(ended.response_text, `answer to ${ended.telemetry.provider_request_id}`, marker)
      })

    let api = yield* restart
    const template_source = "{{ marker }}"
    yield* client.send("PUT", "/v1/prompts/faults", { body: { template_source } })
    for (let round = 0; round < ROUNDS; round++) {
      const submissions = submissionsOf(round)
      const before = client.acknowledged.length
      yield* killedWhileSubmitting(api, submissions)
      api = yield* restart
      const acknowledged = client.acknowledged.slice(before)
      yield* Effect.forEach(acknowledged, checked, { concurrency: AT_ONCE, discard: true })

      // Whoever got no answer asks again, under the same key.
      const keys = new Set(acknowledged.map(({ key }) => key))
      const unanswered = submissions.filter(({ key }) => !keys.has(key))
      yield* submitAll(client, unanswered)
      const rest = client.acknowledged.slice(before + acknowledged.length)
      yield* Effect.forEach(rest, checked, { concurrency: AT_ONCE, discard: true })
    }
    assert.strictEqual(
      new Set(client.acknowledged.map(({ execution_id }) => execution_id)).size,
      ROUNDS * SUBMITS
    )
    task.meta.report = {
      number: NUMBER,
      name: NAME,
      kit: "service",
      seed: SEED,
      seconds: (Date.now() - started) / 1_000,
      executions: ROUNDS * SUBMITS,
      faults: ROUNDS,
      lost: 0,
      extraCalls: 0,
      figures: {},
      notes: [],
      violations: [],
      logs: []
    }
  })
)
