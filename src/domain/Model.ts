import { Schema } from "effect"
import { ModelId } from "./Ids.ts"
import { Text, textOf, unsaid } from "./Text.ts"

export const ProviderName = Schema.Literals(["openai", "echo"]).annotate({
  description: "Who answers: OpenAI, or what speaks its protocol; or the built-in `echo`."
})
export type ProviderName = typeof ProviderName.Type

const modelName = { description: "The provider's own name for the model." }

/** It stands in logs, where a control character would begin a line of its own or steer the reader's terminal. */
export const ModelName = textOf(255)
  .check(
    Schema.makeFilter((name: string) => !/\p{Cc}/u.test(name), {
      message: "Expected a name without control characters",
      ...unsaid
    })
  )
  .annotate(modelName)

export const ModelRef = Schema.Struct({
  provider: ProviderName,
  model_name: ModelName
}).annotate({ identifier: "ModelRef", description: "The model that is to answer." })
export type ModelRef = typeof ModelRef.Type

export const Model = Schema.Struct({
  model_id: ModelId,
  provider: ProviderName,
  model_name: Schema.String.annotate(modelName),
  max_tokens: Schema.NullOr(Schema.Int).annotate({
    description: "Tokens that an answer may have at most; null when that is not known."
  }),
  supports_streaming: Schema.Boolean.annotate({
    description: "Whether the model can give its answer piece by piece."
  }),
  prompt_token_price: Schema.NullOr(Schema.Finite).annotate({
    description: "US dollars per million tokens of prompt; null when that is not known."
  }),
  response_token_price: Schema.NullOr(Schema.Finite).annotate({
    description: "US dollars per million tokens of response; null when that is not known."
  })
}).annotate({ identifier: "Model", description: "A model, with what is known of its limits and prices." })
export type Model = typeof Model.Type

const penalty = Schema.Finite.check(Schema.isBetween({ minimum: -2, maximum: 2 }))

/** Each provider maps them to its own words. */
export const ModelParams = Schema.Struct({
  max_new_tokens: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })).annotate({
      description: "Tokens that the answer may have at most."
    })
  ),
  temperature: Schema.optionalKey(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 2 })).annotate({
      description: "How freely the model chooses its words: the higher, the more freely."
    })
  ),
  top_p: Schema.optionalKey(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 })).annotate({
      description: "The share of the probability, most likely tokens first, that the model chooses from."
    })
  ),
  frequency_penalty: Schema.optionalKey(
    penalty.annotate({ description: "How much less likely a token becomes each time that it occurs." })
  ),
  presence_penalty: Schema.optionalKey(
    penalty.annotate({ description: "How much less likely a token becomes once it has occurred." })
  ),
  stop: Schema.optionalKey(
    Schema.Array(textOf(255))
      .check(Schema.isBetweenLength(1, 4))
      .annotate({ description: "Texts at which the answer ends, 1 to 4 of them." })
  ),
  seed: Schema.optionalKey(
    Schema.Int.annotate({
      description: "Asks the model to answer the same request the same way, as best it can."
    })
  )
}).annotate({
  identifier: "ModelParams",
  description: "What a request may set of the call; the provider's own default where it is silent."
})
export type ModelParams = typeof ModelParams.Type

/** One message of a conversation with a model. */
export const Message = Schema.Struct({
  role: Schema.Literals(["system", "user", "assistant"]),
  content: Text
})
export type Message = typeof Message.Type
