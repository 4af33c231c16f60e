import { Duplex } from "node:stream"

/** What speaks PostgreSQL's wire protocol a message at a time: PGlite. */
export interface ProtocolServer {
  /** Resolves when the messages have been carried out; until then `onRawData` is given views of the answer's parts. */
  readonly execProtocolRawStream: (
    messages: Uint8Array,
    options: { readonly onRawData: (part: Uint8Array) => void }
  ) => Promise<void>
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
      const answer: Array<Buffer> = []
      // Not `execProtocolRaw`, which parses what it answers, and keeps that for as long as the server lives.
      server
        .execProtocolRawStream(messages, { onRawData: (part) => answer.push(Buffer.from(part)) })
        .then(() => {
          if (answer.length > 0) this.push(Buffer.concat(answer))
          done()
        }, done)
    },
    final(done) {
      this.push(null)
      done()
    }
  })
}
