import { enableCompileCache } from "node:module"
import { join } from "node:path"

const FOLDER = join(import.meta.dirname, "../../node_modules/.cache/compiled")

/**
 * Keeps what one start has compiled for the next, from here on. In a folder of our own, not in one that others may write
 * to: what is found there is run. Where nothing can be written it does without.
 */
export const cacheCompiled = () => enableCompileCache(FOLDER)
