import { Effect } from "effect"
import { connect, createServer } from "node:net"
import type { AddressInfo, Socket } from "node:net"

/** A TCP proxy before a server, by which a test takes the server away and gives it back. */
export interface Proxy {
  readonly port: number
  /** Breaks every connection and refuses new ones. */
  readonly cut: Effect.Effect<void>
  /** Swallows whatever is sent, either way: open connections stay open and silent, and new ones are accepted. */
  readonly blackHole: Effect.Effect<void>
  /** Lets new connections through again. Those that were swallowed stay dead, as after a lost route. */
  readonly restore: Effect.Effect<void>
  /** Leads new connections to another server. Open ones stay with the one that they have. */
  readonly moveTo: (url: string) => Effect.Effect<void>
  /** Connections refused since the proxy was cut. */
  readonly refused: () => number
  /** Bytes swallowed on their way to the server. */
  readonly swallowed: () => number
}

type Mode = "through" | "cut" | "black hole"

/** A proxy before the server of a URL, until the scope closes. */
export const proxyTo = (url: string) =>
  Effect.acquireRelease(
    Effect.callback<Proxy & { readonly close: () => void }>((resume) => {
      let target = new URL(url)
      const open = new Set<Socket>()
      const pairs = new Set<readonly [Socket, Socket]>()
      let mode: Mode = "through"
      let refused = 0
      let swallowed = 0

      const keep = (socket: Socket) => {
        open.add(socket)
        socket.on("error", () => {})
        socket.on("close", () => open.delete(socket))
      }
      const swallow = (client: Socket) =>
        client
          .on("data", ({ length }) => {
            swallowed += length
          })
          .resume()
      const join = (client: Socket) => {
        const upstream = connect(Number(target.port), target.hostname)
        keep(upstream)
        const pair = [client, upstream] as const
        pairs.add(pair)
        const part = () => {
          if (pairs.delete(pair)) pair.forEach((socket) => socket.destroy())
        }
        pair.forEach((socket) => socket.on("close", part))
        client.pipe(upstream)
        upstream.pipe(client)
      }
      const server = createServer((client) => {
        keep(client)
        if (mode === "through") return join(client)
        if (mode === "black hole") return void swallow(client)
        refused++
        client.destroy()
      })
      const breakAll = () => open.forEach((socket) => socket.destroy())
      const orphans = new Set<Socket>()
      const swallowAll = () => {
        for (const [client, upstream] of pairs) {
          client.unpipe(upstream)
          upstream.unpipe(client)
          swallow(client)
          upstream.resume()
          orphans.add(upstream)
        }
        pairs.clear()
      }
      /** The server notices at last that nobody is there, as it would by its keepalive. */
      const dropOrphans = () => {
        orphans.forEach((socket) => socket.destroy())
        orphans.clear()
      }
      const become = (next: Mode, then = () => {}) =>
        Effect.sync(() => {
          mode = next
          then()
        })

      server.listen(0, "127.0.0.1", () =>
        resume(
          Effect.succeed({
            port: (server.address() as AddressInfo).port,
            cut: become("cut", () => {
              refused = 0
              breakAll()
            }),
            blackHole: become("black hole", swallowAll),
            restore: become("through", dropOrphans),
            moveTo: (next) =>
              Effect.sync(() => {
                target = new URL(next)
              }),
            refused: () => refused,
            swallowed: () => swallowed,
            close: () => {
              breakAll()
              server.close()
            }
          })
        )
      )
    }),
    ({ close }) => Effect.sync(close)
  )

/** The URL by way of the proxy. */
export const through = ({ port }: Proxy, url: string): string => {
  const proxied = new URL(url)
  proxied.hostname = "127.0.0.1"
  proxied.port = String(port)
  return proxied.href
}
