import { Schema } from "effect"

/** Whether PostgreSQL can store the text: it has no U+0000 and no lone surrogate. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes("\0")

/** The text with U+FFFD for each character that PostgreSQL cannot store. */
export const toStorable = (text: string): string => text.toWellFormed().replaceAll("\0", "\uFFFD")

/** Of a check that JSON Schema cannot say: without a word on it, it would lose the check's other annotations. */
export const unsaid: Pick<Schema.Annotations.Filter, "toJsonSchema"> = { toJsonSchema: () => [{}, true] }

/** Any text that PostgreSQL can store. */
export const Text = Schema.String.check(
  Schema.makeFilter(isStorable, {
    message: "Expected a text without U+0000 and lone surrogates",
    ...unsaid
  })
)

/** A text of 1 to `maximum` characters, counted as PostgreSQL and JSON Schema do: in code points. */
export const textOf = (maximum: number) =>
  Text.check(Schema.isMinCodePoints(1), Schema.isMaxCodePoints(maximum))
