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
  Effect.map(Database, ({ read, write, reading, writing, exhausted }) =>
    DatabaseHealth.of({
      ping: Effect.suspend(() =>
        exhausted()
          ? Effect.die(new DatabaseUnavailable({ cause: new Error("writes were refused") }))
          : Effect.all([reading(read`SELECT 1`), writing(write`SELECT 1`)], { concurrency: 2, discard: true })
      )
    })
  )
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
