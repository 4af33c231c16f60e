import { PGlite } from "@electric-sql/pglite"
import { dataDir as emptyCluster } from "@electric-sql/pglite-prepopulatedfs"
import { existsSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** A new cluster: a copy of one that was made before, since to make one takes seconds. */
export const newCluster = async (where: string) => PGlite.create(where, { loadDataDir: await emptyCluster() })

/** The cluster in a data folder. What is there of one whose making was cut off holds nothing yet, and is made anew. */
export const clusterIn = async (dataDir: string) => {
  const folder = join(dataDir, "postgres")
  const unfinished = join(dataDir, "postgres.unfinished")
  if (existsSync(unfinished)) rmSync(folder, { recursive: true, force: true })
  if (existsSync(folder)) return PGlite.create(folder)
  writeFileSync(unfinished, "")
  const cluster = await newCluster(folder)
  rmSync(unfinished)
  return cluster
}
