import { Effect, Schema } from "effect"
import { canonicalJson } from "./canonicalJson.ts"
import { sha256 } from "./checksum.ts"
import { ExecutionId } from "./Ids.ts"
import type { Json } from "./template/Value.ts"

/** Design section 6. */
export const IdempotencyKey = Schema.String.check(
  Schema.isPattern(/^[\x20-\x7e]{1,255}$/u, { message: "Expected 1 to 255 printable ASCII characters" })
)

/** The key was used before, for another request. */
export class IdempotencyKeyReused extends Schema.TaggedError<IdempotencyKeyReused>()("IdempotencyKeyReused", {
  idempotency_key: Schema.String,
  /** The execution that the key stands for. */
  execution_id: ExecutionId
}) {
  override get message(): string {
    return `The key '${this.idempotency_key}' stands for execution ${this.execution_id}, which another request made.`
  }
}

/** What makes two requests the same: the hash of all that was asked for, the key itself apart. */
export const requestFingerprint = (request: { readonly [field: string]: Json | undefined }): string =>
  sha256(canonicalJson(request as Json))

/** The execution that a key stands for answers for a request only when it was made by the same request. */
export const requireSameRequest = (
  existing: { readonly execution_id: ExecutionId; readonly request_fingerprint: string | null },
  idempotency_key: string,
  fingerprint: string
): Effect.Effect<void, IdempotencyKeyReused> =>
  existing.request_fingerprint === fingerprint
    ? Effect.void
    : Effect.fail(new IdempotencyKeyReused({ idempotency_key, execution_id: existing.execution_id }))
