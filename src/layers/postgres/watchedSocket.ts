import { Duration } from "effect"
import { connect } from "node:net"
import type { NetConnectOpts, Socket } from "node:net"

const PORT = 5432

/** Where the server of a connection URL is: a host and port, or a socket in a folder (libpq's connection URIs). */
export const addressOf = (url: URL): NetConnectOpts => {
  const host = url.searchParams.get("host") ?? decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1")
  const port = Number(url.searchParams.get("port") ?? (url.port || PORT))
  return host.startsWith("/") ? { path: `${host}/.s.PGSQL.${port}` } : { host: host || "localhost", port }
}

const TICKS = 4

/**
 * A connection that breaks when something was sent and no word came back for so long: of one whose other end is gone
 * without a goodbye, TCP itself would tell only after many minutes.
 */
export const watchedSocket = (address: NetConnectOpts, silence: Duration.Duration): Socket => {
  const socket = connect({ ...address, noDelay: true })
  let heard = 0
  let sent = 0
  let silent = 0
  const watch = setInterval(
    () => {
      const answered = socket.bytesRead !== heard || socket.bytesWritten === sent
      if (!answered && ++silent === TICKS) {
        socket.destroy(new Error(`The server has not answered for ${Duration.format(silence)}`))
      }
      if (!answered) return
      silent = 0
      heard = socket.bytesRead
      sent = socket.bytesWritten
    },
    Duration.toMillis(silence) / TICKS
  )
  watch.unref()
  socket.once("close", () => clearInterval(watch))
  return socket
}
