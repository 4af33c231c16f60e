import { cacheCompiled } from "../layers/compileCache.ts"

// What is loaded before it is compiled each time.
cacheCompiled()
await import("./process.ts")
