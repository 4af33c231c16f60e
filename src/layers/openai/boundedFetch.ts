/** The largest answer that is read from a provider, in bytes. */
export const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/** The provider's answer is one that is not read: too long, or one that leads elsewhere. */
export class AnswerRefused extends Error {}

/**
 * `fetch` that follows no redirect, since that could lead a key to another host, and reads no more than
 * `maximum` bytes: the OpenAI package would buffer an answer of any size.
 */
export const boundedFetch =
  (maximum = MAX_ANSWER_BYTES): typeof fetch =>
  async (input, init) => {
    const response = await fetch(input, { ...init, redirect: "manual" })
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel()
      throw new AnswerRefused(`the provider redirects (${response.status}), which is not followed`)
    }
    if (response.body === null || announced(response) <= maximum) return response
    let read = 0
    const bounded = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          read += chunk.byteLength
          if (read > maximum)
            controller.error(new AnswerRefused(`the answer is larger than ${maximum} bytes`))
          else controller.enqueue(chunk)
        }
      })
    )
    return new Response(bounded, response)
  }

/** The length that an answer says it has; no server can send more under it. */
const announced = ({ headers }: Response): number => {
  const length = headers.get("content-length")
  return length === null || headers.has("content-encoding") ? Number.POSITIVE_INFINITY : Number(length)
}
