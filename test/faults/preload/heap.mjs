// Collects the garbage at each SIGWINCH, and writes how much is left.
process.on("SIGWINCH", () => {
  globalThis.gc()
  const { heapUsed, external } = process.memoryUsage()
  console.log(`heap ${heapUsed + external}`)
})
