import { describe, layer } from "@effect/vitest"
import { Layer } from "effect"
import { layerStores } from "../../src/layers/postgres/stores.ts"
import { databases } from "../support/database.ts"
import { analyticsStoreContract } from "./AnalyticsStore.ts"
import { executionStoreContract } from "./ExecutionStore.ts"
import { historiesContract } from "./histories.ts"
import { keyStoreContract } from "./KeyStore.ts"
import { promptStoreContract } from "./PromptStore.ts"
import { retentionContract } from "./retention.ts"
import { rollupsContract } from "./rollups.ts"

/** One suite for each port, run over everything that implements it. */
describe.each(Object.entries(databases))("over %s", (_, database) => {
  layer(layerStores.pipe(Layer.provideMerge(database)), { timeout: "60 seconds", excludeTestServices: true })(
    (it) => {
      promptStoreContract(it)
      executionStoreContract(it)
      historiesContract(it)
      analyticsStoreContract(it)
      rollupsContract(it)
      keyStoreContract(it)
      // Last, since it drops what the others left.
      retentionContract(it)
    }
  )
})
