import { Context } from "effect"
import type { Stream } from "effect"
import type { CompletionChunk } from "../domain/completion.ts"
import type { Message, ModelParams, ProviderName } from "../domain/Model.ts"
import type { ProviderError } from "../domain/providerError.ts"

/** What is sent to a model. */
export interface CompletionRequest {
  readonly model_name: string
  readonly messages: ReadonlyArray<Message>
  readonly params: ModelParams
}

/** Something that answers prompts. Interrupting the stream ends the call; a provider never tries again by itself. */
export interface Provider {
  readonly name: ProviderName
  readonly complete: (request: CompletionRequest) => Stream.Stream<CompletionChunk, ProviderError>
}

/** The providers that are set up. `echo` always is. */
export class Providers extends Context.Service<Providers, ReadonlyMap<ProviderName, Provider>>()(
  "promptledger/services/Providers"
) {}
