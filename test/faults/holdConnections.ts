import { Effect } from "effect"
import { connect } from "node:net"
import type { Socket } from "node:net"

const PROTOCOL_3 = 196_608

const startup = (user: string, database: string): Buffer => {
  const parameters = Buffer.from(`user\0${user}\0database\0${database}\0\0`)
  const head = Buffer.alloc(8)
  head.writeInt32BE(head.length + parameters.length, 0)
  head.writeInt32BE(PROTOCOL_3, 4)
  return Buffer.concat([head, parameters])
}

/** Connections to PostgreSQL that do nothing but be there, until the scope closes. */
export const holdConnections = Effect.fnUntraced(function* (url: string) {
  const { hostname, port, username, pathname } = new URL(url)
  const sockets = yield* Effect.acquireRelease(
    Effect.sync(() => new Set<Socket>()),
    (all) => Effect.sync(() => all.forEach((socket) => socket.destroy()))
  )
  /** Ends once the server has let it in, or has not. */
  const open = Effect.callback<void>((resume) => {
    const socket = connect(Number(port), hostname, () => socket.write(startup(username, pathname.slice(1))))
    sockets.add(socket)
    socket.on("error", () => {})
    socket.once("data", () => resume(Effect.void))
    socket.once("close", () => {
      sockets.delete(socket)
      resume(Effect.void)
    })
  })
  return {
    /** Tries for that many more. */
    more: (count: number) =>
      Effect.all(
        Array.from({ length: count }, () => open),
        { concurrency: 16, discard: true }
      )
  }
})
