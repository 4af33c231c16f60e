import { Record } from "effect"
import { MethodNotAllowed, NotFound } from "./Problems.ts"

type Json = { readonly [key: string]: any }

/** What a request is answered with that leads to no call of the contract. */
export const problemsElsewhere = [NotFound, MethodNotAllowed]

const header = (description: string, schema: Json = { type: "string" }) => ({ description, schema })

/** Headers that answers have whatever they answer. */
const headers = {
  "x-request-id": {
    ...header("Id of the request: the caller's own, or one that was made for it."),
    required: true
  },
  "cache-control": { ...header("`no-store`: an answer is for who asked."), required: true },
  "ratelimit-policy": header(
    "How many requests (`q`) the key has in how many seconds (`w`), if there is a limit."
  ),
  ratelimit: header("How many requests the key has left (`r`), and in how many seconds (`t`) it has more."),
  "retry-after": header("Seconds after which it is worth trying again.", { type: "integer", minimum: 1 }),
  "www-authenticate": header("What is asked for: a key, in `X-API-Key`."),
  allow: header("The methods that the path takes.")
}

const refTo = (kind: string, name: string) => ({ $ref: `#/components/${kind}/${name}` })

const headersOf = (...names: ReadonlyArray<keyof typeof headers>) =>
  Object.fromEntries(names.map((name) => [name, refTo("headers", name)]))

/** What is told of a parameter or a header stands with it, not with its schema. */
const described = ({ schema: { description, ...schema }, ...rest }: Json) => ({
  ...rest,
  description,
  schema
})

const operation = ({ parameters, responses, ...rest }: Json) => ({
  ...rest,
  parameters: parameters.map(described),
  responses: Record.map(responses, (response: Json, status) => ({
    ...response,
    headers: {
      ...headersOf("x-request-id", "cache-control"),
      ...(rest["security"].length > 0 && status !== "401" ? headersOf("ratelimit-policy", "ratelimit") : {}),
      ...(status === "401" ? headersOf("www-authenticate") : {}),
      ...(status === "503" ? headersOf("retry-after") : {}),
      ...Record.map(response["headers"] ?? {}, described)
    }
  }))
})

/** Problems always have what the framework takes for optional when it decodes them, and never have an `instance`. */
const problem = ({ properties: { instance: _, ...properties }, required, ...schema }: Json) => ({
  ...schema,
  description: `${properties["title"].enum[0]}.`,
  properties: {
    ...properties,
    type: { ...properties["type"], description: "Tells the kind of problem, as a URI." },
    status: { ...properties["status"], description: "The HTTP status of the answer." },
    title: { ...properties["title"], description: "The kind of problem, in words." }
  },
  required: [...required, "status", "title"]
})

const isProblem = (schema: Json): boolean => schema["properties"]?.type?.enum?.[0].startsWith("urn:")

const elsewhere = (description: string, name: string, ...more: ReadonlyArray<keyof typeof headers>) => ({
  description,
  headers: headersOf("x-request-id", "cache-control", ...more),
  content: { "application/problem+json": { schema: refTo("schemas", name) } }
})

/** Completes what is derived of the contract to what the service does. */
export const complete = (derived: Json): Json => {
  // Problems are classes: the framework tells what is sent of them from what is made of it by another name.
  const { paths, components, ...rest } = JSON.parse(JSON.stringify(derived).replaceAll('Encoded"', '"'))
  return {
    ...rest,
    paths: Record.map(paths, Record.map(operation)),
    components: {
      ...components,
      schemas: Record.map(components.schemas, (schema: Json) =>
        isProblem(schema) ? problem(schema) : schema
      ),
      headers,
      responses: {
        NotFound: elsewhere("There is nothing at this path", "NotFound"),
        MethodNotAllowed: elsewhere("The path does not take this method", "MethodNotAllowed", "allow")
      }
    }
  }
}
