import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Option } from "effect"
import type { ExecutionId } from "../../src/domain/Ids.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { migrate } from "../../src/layers/postgres/migrations.ts"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { newDatabase, storesElsewhere } from "../support/database.ts"
import { change, newExecution, newName, PROJECT, revise } from "../support/ledger.ts"
import { until } from "../support/service.ts"

/** Cancels an execution while another connection's change of it is not committed yet, and waits for it. */
const cancelDuring = (
  cancel: (execution_id: ExecutionId) => ReturnType<ExecutionStore["Service"]["cancel"]>,
  commit: (execution_id: ExecutionId) => Effect.Effect<unknown, unknown, Database>
) =>
  Effect.gen(function* () {
    const { insert, lineage } = yield* ExecutionStore
    const { read, write } = yield* Database
    const version = yield* revise(change(newName(), "x"))
    const { execution_id, ...rest } = yield* newExecution(version)
    yield* insert({ execution_id, ...rest }, Duration.minutes(1))
    const waits = read`SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
    const canceling = yield* commit(execution_id).pipe(
      Effect.andThen(Effect.forkDetach(cancel(execution_id))),
      Effect.tap(() => until(Effect.map(waits, (waiting) => waiting.length > 0))),
      // As where the other connection began later, and was quicker.
      Effect.tap(
        () =>
          write`UPDATE execution_attempts SET started_at = date_trunc('milliseconds', clock_timestamp()) WHERE execution_id = ${execution_id}`
      ),
      write.withTransaction
    )
    const canceled = yield* Fiber.join(canceling)
    return { canceled, ...Option.getOrThrow(yield* lineage(PROJECT, execution_id)) }
  })

describe("canceling over PostgreSQL", () => {
  it.live("waits for whoever changes the execution, and goes by what they made of it", () =>
    Effect.gen(function* () {
      const url = yield* newDatabase
      yield* Effect.gen(function* () {
        yield* migrate
        const { write } = yield* Database
        const others = storesElsewhere(url)
        const cancel = (execution_id: ExecutionId) =>
          ExecutionStore.use((store) => store.cancel(PROJECT, execution_id)).pipe(
            Effect.provide(others),
            Effect.orDie
          )
        const claimed = yield* cancelDuring(cancel, (execution_id) =>
          Effect.andThen(
            write`
              UPDATE executions SET status = 'running', epoch = 1, attempts = 1, next_attempt_at = NULL,
                started_at = now(), lease_expires_at = now() + interval '1 minute'
              WHERE execution_id = ${execution_id}`,
            write`
              INSERT INTO execution_attempts (execution_id, attempt_number, started_at)
              VALUES (${execution_id}, 1, now())`
          )
        )
        assert.deepStrictEqual(claimed.canceled, Option.some({ canceled: true, status: "running" }))
        assert.strictEqual(claimed.execution.status, "canceled")
        const [attempt] = claimed.attempts
        assert.strictEqual(attempt!.outcome, "canceled")
        assert.isAtLeast(attempt!.completed_at!.getTime(), attempt!.started_at.getTime())

        const ended = yield* cancelDuring(
          cancel,
          (execution_id) => write`
            UPDATE executions SET status = 'succeeded', next_attempt_at = NULL, completed_at = now()
            WHERE execution_id = ${execution_id}`
        )
        assert.deepStrictEqual(ended.canceled, Option.some({ canceled: false, status: "succeeded" }))
        assert.strictEqual(ended.execution.status, "succeeded")
      }).pipe(Effect.provide(layerStores.pipe(Layer.provideMerge(Database.layer({ url })))))
    })
  )
})
