// Blocks the event loop for a while at each SIGUSR2, as a long computation would.
const MILLIS = Number(process.env.BLOCK_MILLIS)

process.on("SIGUSR2", () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, MILLIS)
})
