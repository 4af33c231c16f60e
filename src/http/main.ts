import { enableCompileCache } from "node:module"

// What one start has compiled, the next need not: so it has to be on before anything else is loaded.
enableCompileCache()
await import("./process.ts")
