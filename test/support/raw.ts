import { Effect } from "effect"
import { connect } from "node:net"
import type { Socket } from "node:net"
import { Caller } from "./api.ts"

/** Does what it likes with a connection to the API, and gives back what comes until the server hangs up. */
export const connection = (use: (socket: Socket) => void) =>
  Effect.flatMap(Caller, ({ url }) =>
    Effect.callback<string>((resume) => {
      let answer = ""
      const socket = connect(Number(new URL(url).port), "127.0.0.1", () => use(socket))
      socket.on("data", (data) => {
        answer += data.toString()
      })
      socket.on("error", () => {})
      socket.on("close", () => resume(Effect.succeed(answer)))
    })
  )

/** Sends bytes as they are, and gives back what comes until the server hangs up. */
export const raw = (bytes: string | Uint8Array) => connection((socket) => socket.write(bytes))
