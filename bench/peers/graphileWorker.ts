/* graphile-worker, told to be as fast as it can: jobs fetched ahead into its local queue, completed in batches. */
import { Logger, makeWorkerUtils, run } from "graphile-worker"
import { CONCURRENCY, DATABASE_URL, QUEUE, role, sendAll, work } from "./job.ts"

const logger = new Logger(() => () => {})
const worker = { connectionString: DATABASE_URL, maxPoolSize: 16 }

if (role === "work") {
  const preset = {
    worker: {
      ...worker,
      concurrentJobs: CONCURRENCY,
      localQueue: { size: 4 * CONCURRENCY },
      completeJobBatchDelay: 0
    }
  }
  await run({ preset, logger, taskList: { [QUEUE]: work } })
  console.log("ready")
} else {
  const utils = await makeWorkerUtils({ preset: { worker }, logger })
  await utils.migrate()
  await sendAll((data) => utils.addJob(QUEUE, data))
  process.exit()
}
