import { Effect, Layer } from "effect"
import { DatabaseUnavailable } from "../../services/DatabaseUnavailable.ts"
import { DatabaseHealth } from "../../services/Health.ts"
import * as AnalyticsStoreSql from "./AnalyticsStoreSql.ts"
import { Database } from "./Database.ts"
import * as ExecutionStoreSql from "./ExecutionStoreSql.ts"
import * as KeyStoreSql from "./KeyStoreSql.ts"
import * as PromptStoreSql from "./PromptStoreSql.ts"
import * as RetentionStoreSql from "./RetentionStoreSql.ts"
import * as RollupStoreSql from "./RollupStoreSql.ts"

const databaseHealth = Layer.effect(
  DatabaseHealth,
  Effect.map(Database, ({ read, write, reading, writing, exhausted }) => {
    const selectReadOnly = write<{ readonly read_only: boolean }>`
      SELECT current_setting('transaction_read_only')::boolean AS read_only`
    const unwritable = (why: string) => Effect.die(new DatabaseUnavailable({ cause: new Error(why) }))
    const pingWrites = Effect.flatMap(writing(selectReadOnly), ([server]) =>
      server!.read_only ? unwritable("the server is read-only") : Effect.void
    )
    return DatabaseHealth.of({
      ping: Effect.suspend(() =>
        exhausted()
          ? unwritable("writes were refused")
          : Effect.all([reading(read`SELECT 1`), pingWrites], { concurrency: 2, discard: true })
      )
    })
  })
)

/** Every store, over whichever database it is given. */
export const layerStores = Layer.mergeAll(
  AnalyticsStoreSql.layer,
  ExecutionStoreSql.layer,
  KeyStoreSql.layer,
  PromptStoreSql.layer,
  RetentionStoreSql.layer,
  RollupStoreSql.layer,
  databaseHealth
)
