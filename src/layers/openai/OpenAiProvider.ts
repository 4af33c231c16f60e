import { Duration, Effect, Predicate, Redacted, Stream } from "effect"
import OpenAI from "openai"
import type { CompletionChunk } from "../../domain/completion.ts"
import { makeProviderError } from "../../domain/providerError.ts"
import type { CompletionRequest, Provider } from "../../services/Providers.ts"
import { AnswerRefused } from "./boundedFetch.ts"
import { OpenAI as Client } from "./Client.ts"

export interface OpenAiOptions {
  /** None for a compatible server that asks for none. */
  readonly apiKey?: Redacted.Redacted | undefined
  /** Any server that speaks the protocol; OpenAI's own where none is given. */
  readonly baseUrl?: string | undefined
  /** Which of OpenAI's two interfaces is used; the first where none is given. */
  readonly api?: "chat_completions" | "responses" | undefined
}

/** OpenAI, or what speaks its protocol, by the official package. */
export const openAiProvider = ({ apiKey, baseUrl, api = "chat_completions" }: OpenAiOptions): Provider => {
  const secret = apiKey && Redacted.value(apiKey)
  const client = new Client({
    apiKey: secret ?? "none",
    baseURL: baseUrl ?? null,
    // Attempts are ours to count (design section 6).
    maxRetries: 0,
    // Or `OPENAI_LOG` would have it print what the provider says, past our log and its redaction.
    logLevel: "off",
    // Without a word on it, any encoding is acceptable (RFC 9110 section 12.5.3).
    defaultHeaders: { "accept-encoding": "identity" }
  })
  const ask = api === "responses" ? askResponses : askChatCompletions
  return {
    name: "openai",
    complete: (request) =>
      Stream.fromEffect(
        Effect.tryPromise({ try: (signal) => ask(client, request, signal), catch: (cause) => cause }).pipe(
          Effect.catch((cause) => {
            const failure = failureOf(cause)
            return failure === undefined ? Effect.die(faultOf(cause)) : Effect.fail(failure)
          }),
          Effect.flatMap((answer) => ("text" in answer ? Effect.succeed(answer) : Effect.fail(answer))),
          Effect.mapError((failure) =>
            makeProviderError({ ...failure, detail: withoutSecret(failure.detail, secret) })
          )
        )
      )
  }
}

/** Why there is no text, in words that may quote the key. */
type Failure = Parameters<typeof makeProviderError>[0]

type Ask = (
  client: OpenAI,
  request: CompletionRequest,
  signal: AbortSignal
) => Promise<CompletionChunk | Failure>

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
  const request_id = requestId(response)
  const data = (await response.json()) as Partial<OpenAI.ChatCompletion> | null
  const message = data?.choices?.[0]?.message
  const text: unknown = message?.content ?? message?.refusal ?? ""
  if (!Predicate.isObject(message) || typeof text !== "string") return unreadable(request_id)
  return {
    text,
    prompt_tokens: data?.usage?.prompt_tokens,
    response_tokens: data?.usage?.completion_tokens,
    provider_request_id: request_id ?? data?.id
  }
}

const askResponses: Ask = async (client, { model_name, messages, params }, signal) => {
  const { max_new_tokens, temperature, top_p, ...unsupported } = params
  const [name] = Object.keys(unsupported)
  if (name !== undefined) {
    return { reason: "rejected", detail: `the Responses API has no parameter for ${name}` }
  }
  const response = await client.responses
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
    .asResponse()
  const request_id = requestId(response)
  const data = (await response.json()) as Partial<OpenAI.Responses.Response> | null
  const status = data?.status ?? "completed"
  if (status === "failed") {
    const { code, message }: { readonly code?: unknown; readonly message?: unknown } = data?.error ?? {}
    return {
      reason: code === "server_error" ? code : code === "rate_limit_exceeded" ? "rate_limited" : "rejected",
      detail: typeof message === "string" ? message : "the provider failed, and does not say why",
      provider_request_id: request_id
    }
  }
  const text = textOf(data?.output)
  if (text === undefined || (status !== "completed" && status !== "incomplete")) return unreadable(request_id)
  if (text === "" && status === "incomplete") {
    const why: unknown = data?.incomplete_details?.reason
    return {
      reason: "invalid_response",
      detail: `the answer is incomplete, and has no text${typeof why === "string" ? ` (${why})` : ""}`,
      provider_request_id: request_id
    }
  }
  return {
    text,
    prompt_tokens: data?.usage?.input_tokens,
    response_tokens: data?.usage?.output_tokens,
    provider_request_id: request_id ?? data?.id
  }
}

/** All that the messages of a response say; none where one is not as the protocol has it. */
const textOf = (output: unknown): string | undefined => {
  if (!Array.isArray(output)) return undefined
  let text = ""
  for (const item of output as ReadonlyArray<unknown>) {
    if (!isTyped(item)) return undefined
    if (item.type !== "message") continue
    if (!Array.isArray(item["content"])) return undefined
    for (const part of item["content"] as ReadonlyArray<unknown>) {
      if (!isTyped(part)) return undefined
      const { type } = part
      const said = type === "output_text" ? part["text"] : type === "refusal" ? part["refusal"] : ""
      if (typeof said !== "string") return undefined
      text += said
    }
  }
  return text
}

const isTyped = (value: unknown): value is Readonly<Record<string, unknown>> & { readonly type: string } =>
  Predicate.isObject(value) && typeof value["type"] === "string"

const requestId = (response: Response): string | undefined =>
  response.headers.get("x-request-id") ?? undefined

const unreadable = (provider_request_id: string | undefined): Failure => ({
  reason: "invalid_response",
  detail: "the provider's answer has not the form that the protocol gives it",
  provider_request_id
})

const failureOf = (cause: unknown): Failure | undefined => {
  const refused = refusal(cause)
  if (refused !== undefined) return { reason: "invalid_response", detail: refused.message }
  if (cause instanceof OpenAI.APIConnectionError) {
    return { reason: "connection", detail: "the provider could not be reached, or hung up" }
  }
  if (cause instanceof OpenAI.APIError && cause.status !== undefined) {
    const { status, headers, requestID } = cause
    return {
      reason: status === 429 ? "rate_limited" : status >= 500 ? "server_error" : "rejected",
      detail: cause.message,
      http_status: status,
      provider_request_id: requestID ?? undefined,
      retry_after: retryAfter(headers)
    }
  }
  if (cause instanceof SyntaxError) {
    return { reason: "invalid_response", detail: "the provider's answer is not JSON" }
  }
  return undefined
}

/** What nobody foresaw, by its kind and its place alone: what it says may quote the key or the prompt. */
const faultOf = (cause: unknown): Error => {
  const { name, message, stack = "" } = cause instanceof Error ? cause : new Error()
  const said = `${name}: ${message}`
  const fault = new Error("what it says is left out, since it may quote the key or the prompt")
  fault.name = name
  fault.stack = `${name}: ${fault.message}${stack.startsWith(said) ? stack.slice(said.length) : ""}`
  return fault
}

/** The text without a secret, in any of the forms that it is quoted in. */
const withoutSecret = (text: string, secret: string | undefined): string => {
  if (secret === undefined) return text
  const bytes = Buffer.from(secret)
  const forms = [secret, encodeURIComponent(secret), bytes.toString("base64"), bytes.toString("base64url")]
  return forms.reduce((rest, form) => rest.replaceAll(form, "[redacted]"), text)
}

/** The refusal of `boundedFetch` that an error comes from; the package wraps it. */
const refusal = (cause: unknown): AnswerRefused | undefined => {
  if (cause instanceof AnswerRefused) return cause
  return cause instanceof Error && cause.cause !== undefined ? refusal(cause.cause) : undefined
}

/** `Retry-After` in seconds or as a date, which goes by the clock of who set it (RFC 9110 section 10.2.3). */
const retryAfter = (headers: Headers | undefined): Duration.Duration | undefined => {
  const after = headers?.get("retry-after") ?? ""
  const now = Date.parse(headers?.get("date") ?? "") || Date.now()
  const seconds = /^\d+(?:\.\d+)?$/.test(after) ? Number(after) : (Date.parse(after) - now) / 1_000
  return Number.isFinite(seconds) ? Duration.seconds(Math.max(0, seconds)) : undefined
}
