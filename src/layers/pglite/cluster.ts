import { PGlite } from "@electric-sql/pglite"
import { dataDir as emptyCluster } from "@electric-sql/pglite-prepopulatedfs"
import { existsSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** A new cluster: a copy of one that was made before, since to make one takes seconds. */
export const newCluster = async (where: string) => PGlite.create(where, { loadDataDir: await emptyCluster() })

const pathsOf = (dataDir: string) => ({
  folder: join(dataDir, "postgres"),
  unfinished: join(dataDir, "postgres.unfinished")
})

/** Whether a data folder has a cluster. One whose making was cut off is none yet. */
export const holdsCluster = (dataDir: string) => {
  const { folder, unfinished } = pathsOf(dataDir)
  return existsSync(folder) && !existsSync(unfinished)
}

/** The cluster in a data folder, or a new one. */
export const clusterIn = async (dataDir: string) => {
  const { folder, unfinished } = pathsOf(dataDir)
  if (holdsCluster(dataDir)) return PGlite.create(folder)
  rmSync(folder, { recursive: true, force: true })
  writeFileSync(unfinished, "")
  const cluster = await newCluster(folder)
  rmSync(unfinished)
  return cluster
}
