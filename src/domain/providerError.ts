import { Duration, Option, Schema } from "effect"
import { toStorable } from "./Text.ts"

/**
 * Why a call to a provider gave no answer:
 * - `timeout`: no whole answer within the deadline;
 * - `connection`: it could not be reached, or the connection broke;
 * - `rate_limited`: it said 429, or as much in an answer;
 * - `server_error`: it said 5xx, or as much in an answer;
 * - `rejected`: it said another 4xx or failed otherwise, or the call can't be expressed in its protocol;
 * - `invalid_response`: what it said can't be read, is too large, or leads elsewhere;
 * - `not_set_up`: it was not called, since the process that was to do so has not set it up.
 */
export const ProviderFailure = Schema.Literals([
  "timeout",
  "connection",
  "rate_limited",
  "server_error",
  "rejected",
  "invalid_response",
  "not_set_up"
])
export type ProviderFailure = typeof ProviderFailure.Type

export class ProviderError extends Schema.TaggedError<ProviderError>()("ProviderError", {
  reason: ProviderFailure,
  /** What the provider or the connection said, redacted. */
  detail: Schema.String,
  http_status: Schema.NullOr(Schema.Int),
  provider_request_id: Schema.NullOr(Schema.String),
  /** How long the provider asked to be left alone. */
  retry_after: Schema.Option(Schema.Duration)
}) {}

const MAX_DETAIL = 500

/** What a provider's message may quote, by how the field writes it: keys, tokens, passwords, and what they are called. */
const SECRETS: ReadonlyArray<readonly [pattern: RegExp, replacement: string]> = [
  // The user and password of a URL.
  [/:\/\/[^\s/@]+@/g, "://[redacted]@"],
  [/\b(Bearer|Basic)\s+[^\s"',;]+/gi, "$1 [redacted]"],
  // `api_key=…`, `"apiKey": "…"`, `API key provided: …`, `token "…"`.
  [
    /((?:api[-_ ]?key|access[-_ ]?key|secret|token|password|passwd|authorization|credential)s?(?: provided| given)?["'`]?(?:\s*[:=]\s*["'`]?|\s+["'`]))(?!Bearer |Basic |\d+\b)[^\s"'`,;&]+/gi,
    "$1[redacted]"
  ],
  // Keys by their usual beginnings, also with stars in them.
  [/\b(?:sk|pk|pl|rk|key|tok|gsk|xai|hf|ghp|AKIA|AIza|eyJ)[-_A-Za-z0-9][A-Za-z0-9_\-*.]{5,}/g, "[redacted]"],
  // Whatever is too long for a word: hexadecimal, base64.
  [/[A-Za-z0-9+/_]{32,}={0,2}/g, "[redacted]"]
]

const withoutSecrets = (text: string): string =>
  SECRETS.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text)

/** A provider error with a message that can be stored and shown: bounded, and without what looks like a secret. */
export const makeProviderError = (fields: {
  readonly reason: ProviderFailure
  readonly detail: string
  readonly http_status?: number | undefined
  readonly provider_request_id?: string | undefined
  readonly retry_after?: Duration.Duration | undefined
}): ProviderError =>
  new ProviderError({
    reason: fields.reason,
    // Cut twice: a secret that the end cuts through would not look like one.
    detail: toStorable(withoutSecrets(fields.detail.slice(0, 2 * MAX_DETAIL)).slice(0, MAX_DETAIL)),
    http_status: fields.http_status ?? null,
    provider_request_id: fields.provider_request_id ?? null,
    retry_after: Option.fromUndefinedOr(fields.retry_after)
  })

/** As many characters in a row as a message and a prompt do not share by chance. */
const QUOTED = 12

/** The error without what its message quotes of the prompt, whole or in parts, as it is or as JSON has it. */
export const withoutPrompt = (error: ProviderError, prompt: string): ProviderError => {
  const { detail } = error
  const quoted = new Uint8Array(detail.length)
  markQuotes(quoted, detail, prompt)
  // Where JSON has it otherwise, there is a backslash.
  if (detail.includes("\\")) markQuotes(quoted, detail, JSON.stringify(prompt).slice(1, -1))
  if (!quoted.includes(1)) return error
  const kept = Array.from(quoted, (isQuoted, at) => {
    if (!isQuoted) return detail[at]
    return quoted[at - 1] ? "" : "[prompt]"
  })
  // A quote may begin or end within a surrogate pair.
  return new ProviderError({ ...error, detail: toStorable(kept.join("")) })
}

/** Marks what a message has in common with the prompt: in one pass over it, since it may have millions of characters. */
const markQuotes = (quoted: Uint8Array, detail: string, prompt: string): void => {
  const length = Math.min(QUOTED, prompt.length)
  if (length < QUOTED / 2) return
  const sought = new Set<string>()
  const soughtOfHash = new Uint16Array(HASHES)
  forEachRun(detail, length, (at, hash) => {
    if (sought.size < sought.add(detail.slice(at, at + length)).size) soughtOfHash[hash]!++
  })
  forEachRun(prompt, length, (at, hash) => {
    // What is found is sought no longer: a prompt that repeats it costs no more.
    if (soughtOfHash[hash] && sought.delete(prompt.slice(at, at + length))) soughtOfHash[hash]--
  })
  forEachRun(detail, length, (at) => {
    if (!sought.has(detail.slice(at, at + length))) quoted.fill(1, at, at + length)
  })
}

/** How many hashes `forEachRun` tells apart. */
const HASHES = 2 ** 16
/** An odd number with its bits well spread. */
const BASE = 0x01_00_01_93

/** Goes over all runs of `length` characters, with a hash of each that rolls along (Rabin and Karp). */
const forEachRun = (text: string, length: number, visit: (at: number, hash: number) => void): void => {
  let weight = 1
  for (let power = 0; power < length; power++) weight = Math.imul(weight, BASE)
  let hash = 0
  for (let end = 1; end <= text.length; end++) {
    const at = end - length
    hash = (Math.imul(hash, BASE) + text.charCodeAt(end - 1)) | 0
    if (at > 0) hash = (hash - Math.imul(weight, text.charCodeAt(at - 1))) | 0
    if (at >= 0) visit(at, hash >>> 16)
  }
}

/**
 * Whether another attempt may fare better (design section 6): after timeouts, lost connections, 429 and 5xx only; and
 * where no call was made, since another process may have set the provider up.
 */
export const isRetryable = ({ reason }: ProviderError): boolean => RETRYABLE.has(reason)

const RETRYABLE: ReadonlySet<ProviderFailure> = new Set([
  "timeout",
  "connection",
  "rate_limited",
  "server_error",
  "not_set_up"
])
