import { Schema } from "effect"
import { ModelId } from "./Ids.ts"
import { Text, textOf } from "./Text.ts"

/** Who answers: OpenAI (or what speaks its protocol), or the built-in `echo`. */
export const ProviderName = Schema.Literals(["openai", "echo"])
export type ProviderName = typeof ProviderName.Type

/** The model that a request asks for, by its provider's own name. */
export const ModelRef = Schema.Struct({
  provider: ProviderName,
  model_name: textOf(255)
}).annotate({ identifier: "ModelRef" })
export type ModelRef = typeof ModelRef.Type

export const Model = Schema.Struct({
  model_id: ModelId,
  provider: ProviderName,
  model_name: Schema.String,
  /** Tokens that an answer may have at most; null where it is not known. */
  max_tokens: Schema.NullOr(Schema.Int),
  supports_streaming: Schema.Boolean,
  /** US dollars per million tokens of prompt; null where it is not known. */
  prompt_token_price: Schema.NullOr(Schema.Number),
  /** US dollars per million tokens of response; null where it is not known. */
  response_token_price: Schema.NullOr(Schema.Number)
}).annotate({ identifier: "Model" })
export type Model = typeof Model.Type

const penalty = Schema.Finite.check(Schema.isBetween({ minimum: -2, maximum: 2 }))

/** What a request may set of a call; each provider maps it to its own words. */
export const ModelParams = Schema.Struct({
  /** Tokens that the answer may have at most. */
  max_new_tokens: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
  temperature: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 }))),
  top_p: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))),
  frequency_penalty: Schema.optionalKey(penalty),
  presence_penalty: Schema.optionalKey(penalty),
  /** Texts at which the answer ends. */
  stop: Schema.optionalKey(Schema.Array(textOf(255)).check(Schema.isBetweenLength(1, 4))),
  seed: Schema.optionalKey(Schema.Int)
}).annotate({ identifier: "ModelParams" })
export type ModelParams = typeof ModelParams.Type

/** One message of a conversation with a model. */
export const Message = Schema.Struct({
  role: Schema.Literals(["system", "user", "assistant"]),
  content: Text
})
export type Message = typeof Message.Type
