/* Preloaded by a process whose memory is looked at: on SIGUSR2 it collects its garbage, and writes what is left. */
const { gc } = globalThis as { readonly gc?: () => void }

process.on("SIGUSR2", () => {
  gc!()
  const { heapUsed, external } = process.memoryUsage()
  console.log(`heap ${heapUsed + external}`)
})
