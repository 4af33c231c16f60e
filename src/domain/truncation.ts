import { sha256 } from "./checksum.ts"

/** What is stored of a rendered prompt, in bytes of UTF-8 (design section 6). */
export const MAX_PROMPT_BYTES = 204_800
/** What is stored of a response, in bytes of UTF-8. */
export const MAX_RESPONSE_BYTES = 512_000

/** A text as it is stored: cut to a bound, with the length and hash of the whole. */
export interface StoredText {
  readonly text: string
  /** Length of the whole text in bytes of UTF-8. */
  readonly bytes: number
  /** Lowercase hex SHA-256 of the whole text. */
  readonly sha256: string
  readonly truncated: boolean
}

/** Cuts a text to at most `maximum` bytes of UTF-8, at a character boundary. */
export const truncate = (text: string, maximum: number): StoredText => {
  const bytes = Buffer.byteLength(text)
  const truncated = bytes > maximum
  return { text: truncated ? cut(text, maximum) : text, bytes, sha256: sha256(text), truncated }
}

const cut = (text: string, maximum: number): string => {
  const buffer = Buffer.from(text)
  let end = maximum
  // A byte of the form 10xxxxxx continues a character that began before it.
  while ((buffer[end]! & 0b1100_0000) === 0b1000_0000) end--
  return buffer.toString("utf8", 0, end)
}
