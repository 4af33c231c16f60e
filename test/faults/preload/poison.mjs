// Kills this process when it sends a request that has the poison in its body.
const { fetch } = globalThis

globalThis.fetch = (input, init) => {
  if (String(init?.body).includes("poison")) process.kill(process.pid, "SIGKILL")
  return fetch(input, init)
}
