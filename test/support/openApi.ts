import { Exit, JsonSchema, Record, Schema, SchemaRepresentation } from "effect"
import { OpenApi } from "effect/http-api"
import { Api } from "../../src/http/api/Api.ts"

export const document = OpenApi.fromApi(Api)

interface Described {
  readonly description?: string
  readonly required?: boolean
  readonly schema: JsonSchema.JsonSchema
}

export interface Documented {
  readonly summary?: string
  readonly description?: string
  readonly security: ReadonlyArray<object>
  readonly parameters: ReadonlyArray<Described & { readonly name: string; readonly in: string }>
  readonly requestBody?: { readonly content: Content }
  readonly responses: Record<
    string,
    { readonly content?: Content; readonly headers: Readonly<Record<string, Described>> }
  >
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema.JsonSchema }>>

/** What the document refers to. */
export const components = document.components as unknown as {
  readonly schemas: Record<string, JsonSchema.JsonSchema>
  readonly headers: Record<string, Described>
  readonly responses: Documented["responses"]
}

/** Every operation, by its method and path. */
export const documented: ReadonlyMap<string, Documented> = new Map(
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) =>
        [`${method.toUpperCase()} ${path}`, operation as unknown as Documented] as const
    )
  )
)

const toDraft = (schema: JsonSchema.JsonSchema) => JsonSchema.fromSchemaOpenApi3_1(schema).schema
const definitions = Record.map(components.schemas, toDraft)
const codecs = new WeakMap<JsonSchema.JsonSchema, Schema.Codec<unknown>>()

const codecOf = (schema: JsonSchema.JsonSchema) => {
  const known = codecs.get(schema)
  if (known !== undefined) return known
  const made = SchemaRepresentation.fromJsonSchemaDocument(
    { dialect: "draft-2020-12", schema: toDraft(schema), definitions },
    { patterns: "apply" }
  ) as Schema.Codec<unknown>
  codecs.set(schema, made)
  return made
}

/** What of a value does not fit a schema of the document, if anything. */
const misfit = (schema: JsonSchema.JsonSchema, value: unknown): string | undefined => {
  const exit = Schema.decodeUnknownExit(codecOf(schema))(value, { onExcessProperty: "error" })
  return Exit.isSuccess(exit) ? undefined : `${JSON.stringify(value)?.slice(0, 500)}: ${exit.cause}`
}

/** A value of an address or a header, as its schema has it. */
const read = ({ type }: JsonSchema.JsonSchema, text: string) =>
  (type === "integer" || type === "number") && /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text

const misfitOf = ({ required, schema }: Described, text: string | undefined) =>
  text === undefined ? (required ? "is missing" : undefined) : misfit(schema, read(schema, text))

const first = (faults: Iterable<string | undefined>) => [...faults].find((fault) => fault !== undefined)

type Texts = Readonly<Record<string, string | undefined>>

interface Asked {
  readonly query: Texts
  readonly headers: Texts
  readonly body: Uint8Array | undefined
}

/** What of a request, beside its path, does not fit its operation in the document, if anything. */
export const requestMisfit = ({ parameters, requestBody }: Documented, asked: Asked): string | undefined => {
  const texts: Readonly<Record<string, Texts>> = { query: asked.query, header: asked.headers }
  const inQuery = new Set(parameters.flatMap(({ in: place, name }) => (place === "query" ? name : [])))
  return first([
    ...parameters.map((parameter) =>
      parameter.in === "path" ? undefined : misfitOf(parameter, texts[parameter.in]![parameter.name])
    ),
    ...Object.keys(asked.query).map((name) => (inQuery.has(name) ? undefined : `${name} is no parameter`)),
    requestBody &&
      misfit(
        requestBody.content["application/json"]!.schema,
        JSON.parse(new TextDecoder().decode(asked.body))
      )
  ])
}

interface Answered {
  readonly status: number
  readonly headers: Texts
  readonly body: unknown
}

/** What of an answer does not fit its operation in the document, if anything. */
export const answerMisfit = (
  { responses }: Documented,
  { status, headers, body }: Answered
): string | undefined => {
  const response = responses[status]
  if (response === undefined) return `${status} is not documented`
  const type = headers["content-type"]?.split(";")[0]
  const [documentedType, content] = Object.entries(response.content ?? {})[0] ?? []
  return first([
    ...Object.entries(response.headers).map(([name, header]) =>
      misfitOf("$ref" in header ? components.headers[name]! : header, headers[name])
    ),
    type === documentedType?.split(";")[0] ? undefined : `${type} is not documented`,
    content && misfit(content.schema, body)
  ])
}
