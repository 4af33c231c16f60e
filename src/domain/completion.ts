/** A part of a provider's answer. Each field holds what this part adds; an answer that comes whole is one part. */
export interface CompletionChunk {
  readonly text: string
  readonly prompt_tokens?: number | undefined
  readonly response_tokens?: number | undefined
  readonly provider_request_id?: string | undefined
}

/** A whole answer. */
export interface Completion {
  readonly text: string
  readonly prompt_tokens: number | null
  readonly response_tokens: number | null
  readonly provider_request_id: string | null
}

export const emptyCompletion: Completion = {
  text: "",
  prompt_tokens: null,
  response_tokens: null,
  provider_request_id: null
}

/** The answer with one more part of it. */
export const append = (completion: Completion, chunk: CompletionChunk): Completion => ({
  text: completion.text + chunk.text,
  prompt_tokens: chunk.prompt_tokens ?? completion.prompt_tokens,
  response_tokens: chunk.response_tokens ?? completion.response_tokens,
  provider_request_id: chunk.provider_request_id ?? completion.provider_request_id
})
