import { Duplex } from "node:stream"

/** What speaks PostgreSQL's wire protocol a message at a time: PGlite. */
export interface ProtocolServer {
  readonly execProtocolRaw: (message: Uint8Array) => Promise<Uint8Array>
}

/**
 * The client's end of a connection to an in-process server. The bytes written are cut into whole protocol messages,
 * and whatever has arrived by then goes to the server together, so that a pipeline costs one call.
 */
export const protocolStream = (server: ProtocolServer): Duplex => {
  let pending: Buffer = Buffer.alloc(0)
  let started = false

  /** The length of the whole messages at the start of `bytes`; the first message of all has no type byte. */
  const wholeMessages = (bytes: Buffer): number => {
    let end = 0
    let typeByte = started ? 1 : 0
    while (bytes.length >= end + typeByte + 4) {
      const next = end + typeByte + bytes.readInt32BE(end + typeByte)
      if (bytes.length < next) break
      end = next
      typeByte = 1
    }
    if (end > 0) started = true
    return end
  }

  return new Duplex({
    read: () => {},
    write(chunk: Buffer, _encoding, done) {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      const end = wholeMessages(pending)
      const messages = pending.subarray(0, end)
      pending = pending.subarray(end)
      if (end === 0) return done()
      server.execProtocolRaw(messages).then((answer) => {
        if (answer.length > 0) this.push(answer)
        done()
      }, done)
    },
    final(done) {
      this.push(null)
      done()
    }
  })
}
