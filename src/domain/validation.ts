import { Effect, Schema, SchemaIssue } from "effect"

/** One thing that is wrong with what was asked for: where, by keys and indexes, and what was expected there. */
const Fault = Schema.Struct({
  path: Schema.Array(Schema.Union([Schema.String, Schema.Int])),
  message: Schema.String
})
export type Fault = typeof Fault.Type

/** What is wrong, in words. */
export const inWords = (faults: ReadonlyArray<Fault>): string =>
  faults.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")

/** What was asked for breaks the rules of its fields; every fault is listed. */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  errors: Schema.Array(Fault)
}) {
  override get message(): string {
    return inWords(this.errors)
  }
}

const issuesOf = SchemaIssue.makeFormatterStandardSchemaV1()

/** A schema that has a name is one of an object: a caller need not know its name. */
const NAMED = /^Expected [A-Z][A-Za-z]+$/

const segment = (part: PropertyKey | { readonly key: PropertyKey }): string | number => {
  const key = typeof part === "object" ? part.key : part
  return typeof key === "number" ? key : String(key)
}

/** What a schema found wrong. */
export const faultsOf = (issue: SchemaIssue.Issue): ReadonlyArray<Fault> =>
  issuesOf(issue).issues.map(({ path = [], message }) => ({
    path: path.map(segment),
    message: NAMED.test(message) ? "Expected an object" : message
  }))

/** Tells whether what is asked for keeps the rules of its fields, which its type can't say. */
export const checkerOf = <A>(schema: Schema.Codec<A>) => {
  // Most often nothing is wrong, and this is the quicker of the two.
  const isValid = Schema.is(schema)
  const decode = Schema.decodeUnknownEffect(schema, { errors: "all" })
  return (request: A): Effect.Effect<void, InvalidRequest> =>
    isValid(request)
      ? Effect.void
      : Effect.mapError(
          Effect.asVoid(decode(request)),
          ({ issue }) => new InvalidRequest({ errors: faultsOf(issue) })
        )
}

/** Says of a field that it has a meaning only beside another. */
export const beside = <Name extends string, Other extends string>(name: Name, other: Other) =>
  Schema.makeFilter((fields: { readonly [field in Name | Other]?: unknown }) =>
    fields[name] === undefined || fields[other] !== undefined
      ? undefined
      : { path: [name], issue: `Expected ${other} beside it` }
  )
