import { Effect, Schema, SchemaIssue } from "effect"
import { VersionNumber } from "../../domain/Prompt.ts"

const notOurs = new SchemaIssue.InvalidValue({ expected: "a cursor that this list gave" })

/**
 * A place in a list, as an opaque text: base64url of JSON. What it holds is the list's business, and no promise.
 */
export const cursorOf = <S extends Schema.Top>(position: S) =>
  Schema.StringFromBase64Url.pipe(
    Schema.decodeTo(Schema.fromJsonString(Schema.toCodecJson(position))),
    Schema.catchDecoding(() => Effect.fail(notOurs))
  )

/** A place in the versions of a prompt. */
export const NumberCursor = cursorOf(VersionNumber)
