import OpenAI from "openai"
import { setTimeout } from "node:timers/promises"

/** Jobs that a worker of any kind has under way at most: what the service has by default. */
export const CONCURRENCY = 32
/** Jobs that are sent at a time: as many as the load generator has connections. */
const SENDERS = Number(process.env["CONNECTIONS"])

export const QUEUE = "executions"
export const DATABASE_URL = process.env["DATABASE_URL"]!
export const role = process.argv[2] as "send" | "work"
/** Jobs to get warm by, and those that count. */
const [warmUp, amount] = process.argv.slice(3).map(Number) as [number, number]
const content = process.env["CONTENT"]!

const client = new OpenAI({ apiKey: "none", baseURL: process.env["OPENAI_BASE_URL"]!, maxRetries: 0 })
let done = 0

/** The job: one call of the same provider as everybody's. After the last one it tells the time. */
export const work = async (): Promise<void> => {
  await client.chat.completions.create({ model: "gpt-4o-mini", messages: [{ role: "user", content }] })
  if (++done === warmUp + amount) console.log(`ended at ${process.hrtime.bigint()}`)
}

type Send = (data: object) => Promise<unknown>

const sendMany = async (send: Send, count: number): Promise<void> => {
  let left = count
  const sender = async () => {
    // One after the other is what a closed loop is.
    // oxlint-disable-next-line no-await-in-loop
    while (left-- > 0) await send({ content })
  }
  await Promise.all(Array.from({ length: SENDERS }, sender))
}

/** Sends all jobs, each with what there is to say of an execution. */
export const sendAll = async (send: Send): Promise<void> => {
  await sendMany(send, warmUp)
  // The worker may finish them.
  await setTimeout(2_000)
  console.log(`started at ${process.hrtime.bigint()}`)
  await sendMany(send, amount)
}
