import type { Socket } from "node:net"

/**
 * Sends what is written in one turn of the event loop together: statements and commands of requests that arrived at
 * once share a system call, and a packet.
 */
export const gathering = (socket: Socket): Socket => {
  const write = socket.write.bind(socket) as (...written: ReadonlyArray<unknown>) => boolean
  let gathered = false
  const send = () => {
    gathered = false
    socket.uncork()
  }
  return Object.assign(socket, {
    write: (...written: ReadonlyArray<unknown>) => {
      if (!gathered) {
        gathered = true
        socket.cork()
        setImmediate(send)
      }
      return write(...written)
    }
  })
}
