import { Duration, Effect, Redacted, Stream } from "effect"
import OpenAI from "openai"
import type { CompletionChunk } from "../../domain/completion.ts"
import { makeProviderError } from "../../domain/providerError.ts"
import type { ProviderError } from "../../domain/providerError.ts"
import type { CompletionRequest, Provider } from "../../services/Providers.ts"
import { AnswerRefused, boundedFetch } from "./boundedFetch.ts"

export interface OpenAiOptions {
  /** None for a compatible server that asks for none. */
  readonly apiKey: Redacted.Redacted | undefined
  /** Any server that speaks the protocol; OpenAI's own where none is given. */
  readonly baseUrl: string | undefined
  /** Which of OpenAI's two interfaces is used. */
  readonly api: "chat_completions" | "responses"
}

/** OpenAI, or what speaks its protocol, by the official package. */
export const openAiProvider = ({ apiKey, baseUrl, api }: OpenAiOptions): Provider => {
  const secret = apiKey && Redacted.value(apiKey)
  const client = new OpenAI({
    apiKey: secret ?? "none",
    baseURL: baseUrl ?? null,
    // Attempts are ours to count (design section 6), and so is the deadline, which covers the body too.
    maxRetries: 0,
    timeout: Duration.toMillis("1 hour"),
    fetch: boundedFetch()
  })
  const ask = api === "responses" ? askResponses : askChatCompletions
  return {
    name: "openai",
    complete: (request) =>
      Stream.fromEffect(
        Effect.tryPromise({
          try: (signal) => ask(client, request, signal),
          catch: (cause) => toProviderError(cause, secret)
        }).pipe(Effect.flatMap((answer) => ("text" in answer ? Effect.succeed(answer) : Effect.fail(answer))))
      )
  }
}

type Ask = (
  client: OpenAI,
  request: CompletionRequest,
  signal: AbortSignal
) => Promise<CompletionChunk | ProviderError>

const askChatCompletions: Ask = async (client, { model_name, messages, params }, signal) => {
  const { max_new_tokens, stop, ...rest } = params
  const response = await client.chat.completions
    .create(
      {
        model: model_name,
        messages: [...messages],
        ...rest,
        ...(max_new_tokens !== undefined && { max_completion_tokens: max_new_tokens }),
        ...(stop !== undefined && { stop: [...stop] })
      },
      { signal }
    )
    // Read here, the body needs no deadline of the package's: it is whole already.
    .asResponse()
  const request_id = response.headers.get("x-request-id")
  const data = (await response.json()) as Partial<OpenAI.ChatCompletion> | null
  const message = data?.choices?.[0]?.message
  const text: unknown = message?.content ?? message?.refusal ?? ""
  if (!message || typeof text !== "string") return unreadable(request_id)
  return {
    text,
    prompt_tokens: data.usage?.prompt_tokens,
    response_tokens: data.usage?.completion_tokens,
    provider_request_id: request_id ?? data.id
  }
}

const askResponses: Ask = async (client, { model_name, messages, params }, signal) => {
  const { max_new_tokens, temperature, top_p, ...unsupported } = params
  const [name] = Object.keys(unsupported)
  if (name !== undefined) {
    return makeProviderError({ reason: "rejected", detail: `the Responses API has no parameter for ${name}` })
  }
  const { data, request_id } = await client.responses
    .create(
      {
        model: model_name,
        input: [...messages],
        store: false,
        ...(temperature !== undefined && { temperature }),
        ...(top_p !== undefined && { top_p }),
        ...(max_new_tokens !== undefined && { max_output_tokens: max_new_tokens })
      },
      { signal }
    )
    .withResponse()
  if (!Array.isArray(data?.output)) return unreadable(request_id)
  return {
    text: data.output_text,
    prompt_tokens: data.usage?.input_tokens,
    response_tokens: data.usage?.output_tokens,
    provider_request_id: request_id ?? data.id
  }
}

const unreadable = (request_id: string | null) =>
  makeProviderError({
    reason: "invalid_response",
    detail: "the provider's answer has not the form that the protocol gives it",
    provider_request_id: request_id ?? undefined
  })

const toProviderError = (cause: unknown, secret: string | undefined): ProviderError => {
  const refused = refusal(cause)
  if (refused !== undefined) return makeProviderError({ reason: "invalid_response", detail: refused.message })
  if (cause instanceof OpenAI.APIConnectionError) {
    return makeProviderError({
      reason: "connection",
      detail: "the provider could not be reached, or hung up"
    })
  }
  if (cause instanceof OpenAI.APIError && cause.status !== undefined) {
    const { status, headers, requestID } = cause
    return makeProviderError({
      reason: status === 429 ? "rate_limited" : status >= 500 ? "server_error" : "rejected",
      detail: formsOf(secret).reduce((text, form) => text.replaceAll(form, "[redacted]"), cause.message),
      http_status: status,
      provider_request_id: requestID ?? undefined,
      retry_after: retryAfter(headers?.get("retry-after") ?? undefined)
    })
  }
  if (cause instanceof SyntaxError) {
    return makeProviderError({ reason: "invalid_response", detail: "the provider's answer is not JSON" })
  }
  // What breaks while the body is read comes as the runtime's own error.
  return makeProviderError({
    reason: "connection",
    detail: "the connection broke before the answer was whole"
  })
}

/** What a secret looks like where it is quoted. */
const formsOf = (secret: string | undefined): ReadonlyArray<string> => {
  if (secret === undefined) return []
  const bytes = Buffer.from(secret)
  return [secret, encodeURIComponent(secret), bytes.toString("base64"), bytes.toString("base64url")]
}

/** The refusal of `boundedFetch` that an error comes from; the package wraps it. */
const refusal = (cause: unknown): AnswerRefused | undefined => {
  if (cause instanceof AnswerRefused) return cause
  return cause instanceof Error && cause.cause !== undefined ? refusal(cause.cause) : undefined
}

/** `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3). */
const retryAfter = (header: string | undefined): Duration.Duration | undefined => {
  if (header === undefined) return undefined
  const seconds = /^\d+(?:\.\d+)?$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1_000
  return Number.isFinite(seconds) ? Duration.seconds(Math.max(0, seconds)) : undefined
}
