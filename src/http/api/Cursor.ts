import { Effect, Schema, SchemaIssue } from "effect"
import { VersionNumber } from "../../domain/Prompt.ts"

const notOurs = new SchemaIssue.InvalidValue({ expected: "a cursor that this list gave" })

/**
 * A place in a list, as an opaque text: base64url of JSON. What it holds is the list's business, and no promise.
 */
export const cursorOf = <S extends Schema.Top>(position: S) =>
  Schema.StringFromBase64Url.pipe(
    Schema.annotateEncoded({
      description: "Where the page begins: the `next_cursor` of the page before it."
    }),
    Schema.decodeTo(Schema.fromJsonString(Schema.toCodecJson(position))),
    Schema.catchDecoding(() => Effect.fail(notOurs))
  )

/** Where the page after an answer begins. */
export const nextCursor = <S extends Schema.Top>(cursor: S) =>
  Schema.NullOr(cursor).annotate({ description: "Leads to the next page; null when this is the last." })

/** A place in the versions of a prompt. */
export const NumberCursor = cursorOf(VersionNumber)
