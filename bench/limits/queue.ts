/* BullMQ alone: adding jobs of the service's form one by one, and working them off with nothing to do. */
import { Queue, Worker } from "bullmq"
import { Redis } from "ioredis"
import { measure, tell } from "./loop.ts"

const CONCURRENCY = 32

const connection = new Redis(process.env["REDIS_URL"]!, { maxRetriesPerRequest: null })
const prefix = "{bench}"
const queue = new Queue("limits", { connection, prefix })
await queue.waitUntilReady()

let added = 0
const add = await measure(() =>
  queue.add("execution", {}, { jobId: `limit-${added++}`, removeOnComplete: true, removeOnFail: true })
)

const cpu = process.cpuUsage()
const start = performance.now()
await new Promise<void>((resolve) => {
  let worked = 0
  const worker = new Worker(
    "limits",
    async () => {
      if (++worked === added) resolve()
    },
    { connection, prefix, concurrency: CONCURRENCY }
  )
  worker.on("error", () => {})
})
const seconds = (performance.now() - start) / 1_000
const { user, system } = process.cpuUsage(cpu)
tell({ add, work: { perSecond: added / seconds, p50: 0, p99: 0, cpu: (user + system) / added } })
process.exit()
