/*
 * Durable inserts through the same client as the service's: one row for each statement, and 64. The row has what an
 * execution has: ids, texts of that length, JSON, a time.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted } from "effect"
import { randomUUID } from "node:crypto"
import { measure, tell } from "./loop.ts"

const BATCH = 64
const CONNECTIONS = 16

const content = process.env["CONTENT"]!
const row = () => ({ id: randomUUID(), prompt: content, params: { temperature: 0 }, status: "queued" })
const rows = Array.from({ length: BATCH }, row)

await Effect.gen(function* () {
  const context = yield* Layer.build(
    PgClient.layer({ url: Redacted.make(process.env["DATABASE_URL"]!), maxConnections: CONNECTIONS })
  )
  const sql = Context.get(context, PgClient.PgClient)
  const insertOne = Effect.suspend(() => {
    const { id, prompt, params, status } = row()
    return sql`INSERT INTO bench_rows VALUES (${id}, ${prompt}, ${sql.json(params)}, ${status}, now())`
  })
  const insertBatch = Effect.suspend(() => {
    const fresh = rows.map((one) => ({ ...one, id: randomUUID() }))
    return sql`INSERT INTO bench_rows SELECT id, prompt, params, status, now()
      FROM jsonb_to_recordset(${sql.json(fresh)}) AS row (id uuid, prompt text, params jsonb, status text)`
  })
  const single = yield* Effect.promise(() => measure(() => Effect.runPromise(insertOne)))
  const batch = yield* Effect.promise(() =>
    measure(() => Effect.runPromise(insertBatch), { connections: 4, units: BATCH })
  )
  tell({ single, batch })
}).pipe(Effect.scoped, Effect.runPromise)
