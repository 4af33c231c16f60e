import { Effect } from "effect"
import * as SqlClient from "effect/sql/SqlClient"

/** A rollup's sketch of latencies becomes one number, as `src/layers/postgres/latencies.ts` writes it: numbers add up faster than arrays. */
export default Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient

  yield* sql`ALTER TABLE execution_rollups ADD COLUMN latencies numeric`
  yield* sql`
    UPDATE execution_rollups SET latencies = (
      SELECT coalesce(sum(count * ('1e' || 12 * (bucket + 1))::numeric), 0)
      FROM unnest(latency_buckets, latency_counts) AS sketch (bucket, count))`
  yield* sql`
    ALTER TABLE execution_rollups ALTER COLUMN latencies SET NOT NULL, DROP COLUMN latency_buckets, DROP COLUMN latency_counts`
  yield* sql`
    COMMENT ON COLUMN execution_rollups.latencies IS
      'DDSketch of latencies: 12 decimal digits for the count of each bucket, that of 0 ms last, that of up to 1 ms before it'`
})
