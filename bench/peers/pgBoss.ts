/* pg-boss, told to be as fast as it can: woken by NOTIFY, fetching in batches, settling each job on its own. */
import { PgBoss } from "pg-boss"
import { CONCURRENCY, DATABASE_URL, QUEUE, role, sendAll, work } from "./job.ts"

const boss = new PgBoss({ connectionString: DATABASE_URL, max: 16 })
boss.on("error", () => {})
await boss.start()
await boss.createQueue(QUEUE, { notify: true })

if (role === "work") {
  const options = {
    batchSize: CONCURRENCY,
    burstWhenBatchFull: true,
    perJobResults: true,
    pollingIntervalSeconds: 0.5
  } as const
  await boss.work(QUEUE, options, (jobs) =>
    Promise.all(
      jobs.map(async ({ id }) => {
        await work()
        return { id, status: "completed" as const }
      })
    )
  )
  console.log("ready")
} else {
  await sendAll((data) => boss.send(QUEUE, data))
  process.exit()
}
