import { PGlite } from "@electric-sql/pglite"
import { dataDir as emptyCluster } from "@electric-sql/pglite-prepopulatedfs"
import { Predicate } from "effect"
import { existsSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { inspect } from "node:util"
import { reasonOf } from "../../services/reasonOf.ts"

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

/** WASI's number for a disk without space. */
const ENOSPC = 51

/** Why there is no cluster. PGlite's file system has numbers for what it can't do, and no words. */
export const whyNotOpened = (cause: unknown): string => {
  if (cause instanceof Error || !Predicate.isObject(cause)) return reasonOf(cause)
  return "errno" in cause && cause.errno === ENOSPC ? "its disk has no space left" : inspect(cause)
}
