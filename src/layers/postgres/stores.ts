import { Effect, Layer } from "effect"
import { DatabaseHealth } from "../../services/Health.ts"
import * as AnalyticsStoreSql from "./AnalyticsStoreSql.ts"
import { Database, orDefect } from "./Database.ts"
import * as ExecutionStoreSql from "./ExecutionStoreSql.ts"
import * as KeyStoreSql from "./KeyStoreSql.ts"
import * as PromptStoreSql from "./PromptStoreSql.ts"

const databaseHealth = Layer.effect(
  DatabaseHealth,
  Effect.map(Database, ({ write }) => DatabaseHealth.of({ ping: Effect.asVoid(orDefect(write`SELECT 1`)) }))
)

/** Every store, over whichever database it is given. */
export const layerStores = Layer.mergeAll(
  AnalyticsStoreSql.layer,
  ExecutionStoreSql.layer,
  KeyStoreSql.layer,
  PromptStoreSql.layer,
  databaseHealth
)
