import Package from "openai"
import { boundedFetch } from "./boundedFetch.ts"

type Options = Parameters<Package["buildRequest"]>[0]
type Built = Awaited<ReturnType<Package["buildRequest"]>>

/**
 * The package's client for calls that differ in nothing but their bodies. By itself it makes and checks the headers of
 * each anew, and bounds it by a timer and signals of its own, which takes longer than all else that a call costs here.
 * The class has the package's name since the provider is told it.
 */
export class OpenAI extends Package {
  readonly #built = new Map<string, Built>()
  readonly #fetch = boundedFetch()

  /** All but the body and the signal are those of the first call to the same path. */
  override async buildRequest(options: Options): Promise<Built> {
    let built = this.#built.get(options.path)
    if (built === undefined) {
      built = await super.buildRequest({ ...options, body: undefined, signal: undefined })
      this.#built.set(options.path, built)
    }
    const { req, ...rest } = built
    return { ...rest, req: { ...req, body: JSON.stringify(options.body), signal: options.signal ?? null } }
  }

  /** Without a deadline: whoever calls has one, and ends the call by its signal. */
  override fetchWithTimeout(url: string, init: RequestInit): Promise<Response> {
    return this.#fetch(url, { ...init, method: init.method!.toUpperCase() })
  }
}
