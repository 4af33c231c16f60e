import { Effect } from "effect"
import { connect, createServer } from "node:net"
import type { AddressInfo, Socket } from "node:net"

/** A TCP proxy before a server, by which a test takes the server away and gives it back. */
export interface Proxy {
  readonly port: number
  /** Breaks every connection and refuses new ones. */
  readonly cut: Effect.Effect<void>
  readonly restore: Effect.Effect<void>
  /** Connections refused since the proxy was cut. */
  readonly refused: () => number
}

/** A proxy before the server of a URL, until the scope closes. */
export const proxyTo = (url: string) =>
  Effect.acquireRelease(
    Effect.callback<Proxy & { readonly close: () => void }>((resume) => {
      const { hostname, port } = new URL(url)
      const open = new Set<Socket>()
      let up = true
      let refused = 0
      const server = createServer((client) => {
        if (!up) {
          refused++
          client.destroy()
          return
        }
        const upstream = connect(Number(port), hostname)
        for (const [one, other] of [
          [client, upstream],
          [upstream, client]
        ] as const) {
          open.add(one)
          one.on("error", () => {})
          one.on("close", () => {
            open.delete(one)
            other.destroy()
          })
          one.pipe(other)
        }
      })
      const breakAll = () => open.forEach((socket) => socket.destroy())
      server.listen(0, "127.0.0.1", () =>
        resume(
          Effect.succeed({
            port: (server.address() as AddressInfo).port,
            cut: Effect.sync(() => {
              up = false
              refused = 0
              breakAll()
            }),
            restore: Effect.sync(() => {
              up = true
            }),
            refused: () => refused,
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
