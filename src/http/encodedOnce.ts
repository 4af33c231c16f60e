import { Schema } from "effect"
import { HttpServerResponse } from "effect/http"

/** Encodes values that do not change: the answer to one is made once, and kept for as long as the value itself is. */
export const encodedOnce = <A extends object, I>(schema: Schema.Codec<A, I>) => {
  const encode = Schema.encodeSync(Schema.toCodecJson(schema))
  const answers = new WeakMap<A, HttpServerResponse.HttpServerResponse>()
  return (value: A): HttpServerResponse.HttpServerResponse => {
    const known = answers.get(value)
    if (known !== undefined) return known
    const answer = HttpServerResponse.text(JSON.stringify(encode(value)), { contentType: "application/json" })
    answers.set(value, answer)
    return answer
  }
}
