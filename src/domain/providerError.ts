import { Duration, Option, Schema } from "effect"
import { toStorable } from "./Text.ts"

/**
 * Why a call to a provider gave no answer:
 * - `timeout`: no whole answer within the deadline;
 * - `connection`: it could not be reached, or the connection broke;
 * - `rate_limited`: it said 429;
 * - `server_error`: it said 5xx;
 * - `rejected`: it said another 4xx, or the call can't be expressed in its protocol;
 * - `invalid_response`: what it said can't be read, is too large, or leads elsewhere.
 */
export const ProviderFailure = Schema.Literals([
  "timeout",
  "connection",
  "rate_limited",
  "server_error",
  "rejected",
  "invalid_response"
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

/** Keys and tokens, by how the field writes them: what a provider's message may quote. */
const SECRET = /\b(?:sk|pk|pl|key|rk)[-_][A-Za-z0-9_\-*]{6,}|Bearer\s+\S+/gi

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
    detail: toStorable(fields.detail.slice(0, MAX_DETAIL).replace(SECRET, "[redacted]")),
    http_status: fields.http_status ?? null,
    provider_request_id: fields.provider_request_id ?? null,
    retry_after: Option.fromUndefinedOr(fields.retry_after)
  })

/** Whether another attempt may fare better (design section 6): after timeouts, lost connections, 429 and 5xx only. */
export const isRetryable = ({ reason }: ProviderError): boolean =>
  reason === "timeout" || reason === "connection" || reason === "rate_limited" || reason === "server_error"
