import { Arbitrary, Effect, Exit, Schema } from "effect"
import { HttpApi } from "effect/http-api"
import type { HttpApiEndpoint } from "effect/http-api"
import { Api } from "../../src/http/api/Api.ts"
import { KEY } from "./api.ts"
import type { Random } from "./Random.ts"

/** An operation of the API, by what its definition says of it. */
export interface Operation {
  readonly name: string
  readonly group: string
  readonly endpoint: HttpApiEndpoint.Top
  readonly statuses: ReadonlyArray<number>
}

/** Every operation that the API defines. */
export const operations: ReadonlyArray<Operation> = (() => {
  const found: Array<Operation> = []
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ group, endpoint, successes, errors }) =>
      found.push({
        name: `${endpoint.method} ${endpoint.path}`,
        group: group.identifier,
        endpoint,
        statuses: [...successes.keys(), ...errors.keys()]
      })
  })
  return found
})()

/** A request as it is sent: bytes, and nothing that a client would put right. */
export interface FuzzRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string>>>
  readonly body: Buffer | undefined
  /** What was done to a request that fits the operation's schemas; nothing for one that was left so. */
  readonly mutations: ReadonlyArray<string>
}

/** Values that there are in the ledger, by the name of the member that takes them. */
export type Known = Readonly<Record<string, ReadonlyArray<unknown>>>

/** The parts of a request while it is made. */
interface Draft {
  method: string
  params: Record<string, string>
  query: Array<readonly [string, string]>
  headers: Record<string, string | ReadonlyArray<string>>
  payload: unknown
  body: Buffer | undefined
  /** What of the address is put in as it is. */
  suffix: string
}

const ODD_TEXTS = [
  "",
  " ",
  "\0",
  "a\0b",
  "\ud800",
  "x\udfff",
  "\ufeff",
  "\u202eabc",
  "e\u0301",
  "😀",
  "\u2028",
  "'; DROP TABLE prompts; --",
  "%00",
  "%zz",
  "../../etc/passwd",
  "..",
  ".",
  "/",
  "{{ x }}",
  "{% for %}",
  "{{ ''.constructor }}",
  "__proto__",
  "constructor",
  "null",
  "x".repeat(256),
  "é".repeat(3_000)
]
const ODD_SCALARS = [
  ...ODD_TEXTS,
  null,
  true,
  0,
  -1,
  1.5,
  -0,
  31,
  201,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  1e300,
  Number.MIN_VALUE
]
const ODD_VALUES: ReadonlyArray<unknown> = [
  ...ODD_SCALARS,
  [],
  {},
  [[]],
  [null],
  { "": "" },
  { "\0": 1 },
  { "\ud800": 1 },
  JSON.parse('{"__proto__":{"x":1},"toString":1,"constructor":{"prototype":{}}}')
]
const ODD_LITERALS = [
  "1e400",
  "-1e400",
  "12345678901234567890",
  "9007199254740993",
  "1E+30",
  "NaN",
  "01",
  "0x1",
  ""
]
const ODD_BODIES = [
  "",
  " ",
  "null",
  "true",
  "0",
  '"x"',
  "[]",
  "{}",
  "{",
  "\ufeff{}",
  "undefined",
  "[".repeat(40),
  '{"a":'.repeat(100_000),
  "[".repeat(500_000),
  `[${"0,".repeat(100_001)}0]`,
  `{"variables":${"[".repeat(33)}${"]".repeat(33)}}`
]
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND"]
const TYPES = [
  "text/plain",
  "application/xml",
  "application/json; charset=utf-16",
  "multipart/form-data",
  "x",
  ""
]
const MEBIBYTE = 1024 * 1024

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null

/** Every place in a value: what holds it, and by which key. */
const placesOf = (value: unknown): ReadonlyArray<readonly [Record<string, unknown>, string]> =>
  isObject(value)
    ? Object.entries(value).flatMap(([key, item]) => [[value, key] as const, ...placesOf(item)])
    : []

/** What can be done to a request; each does one thing, and tells nothing of whether it fits still. */
const MUTATIONS: Readonly<Record<string, (draft: Draft, random: Random) => void>> = {
  "another value": ({ payload }, random) => {
    const places = placesOf(payload)
    if (places.length === 0) return
    const [holder, key] = random.pick(places)
    holder[key] = random.pick(ODD_VALUES)
  },
  "a member less": ({ payload }, random) => {
    const places = placesOf(payload)
    if (places.length === 0) return
    const [holder, key] = random.pick(places)
    delete holder[key]
  },
  "a member more": ({ payload }, random) => {
    const places = placesOf(payload)
    const holder = places.length > 0 && random.chance(0.5) ? random.pick(places)[0] : payload
    if (isObject(holder)) holder[random.pick(ODD_TEXTS)] = random.pick(ODD_VALUES)
  },
  "an odd literal": (draft, random) => {
    const places = placesOf(draft.payload)
    if (places.length === 0) return
    const [holder, key] = random.pick(places)
    holder[key] = "~literal~"
    draft.body = Buffer.from(JSON.stringify(draft.payload).replace('"~literal~"', random.pick(ODD_LITERALS)))
  },
  "other bytes": (draft, random) => {
    const body = draft.body ?? Buffer.from(JSON.stringify(draft.payload ?? {}))
    const at = random.below(body.length)
    draft.body = random.chance(0.5)
      ? body.subarray(0, at)
      : Buffer.concat([body.subarray(0, at), Buffer.from([random.below(256)]), body.subarray(at)])
  },
  "another body": (draft, random) => {
    draft.body = Buffer.from(random.pick(ODD_BODIES))
  },
  "a large body": (draft, random) => {
    // Most of them cost much and tell nothing new.
    if (random.chance(0.2)) draft.body = Buffer.alloc(random.pick([1, 5]) * MEBIBYTE + 1, " ")
  },
  "another type": ({ headers }, random) => {
    headers["content-type"] = random.pick(TYPES)
  },
  "an encoding": ({ headers }, random) => {
    headers["content-encoding"] = random.pick(["gzip", "br", "identity", "x"])
  },
  "another key": ({ headers }, random) => {
    headers["x-api-key"] = random.pick(["", "wrong", "\u00ff", `${KEY} `, KEY.toUpperCase()])
  },
  "an odd header": ({ headers }, random) => {
    const name = random.pick([
      "x-request-id",
      "idempotency-key",
      "accept",
      "expect",
      "cookie",
      "range",
      "if-match",
      "x-http-method-override",
      "x-forwarded-for",
      "content-md5",
      "traceparent"
    ])
    const value = random.pick([
      "",
      "\u00e9",
      "a b",
      "100-continue",
      "x".repeat(300),
      "\t",
      "*",
      "bytes=0-1",
      "a;b=c"
    ])
    headers[name] = name === "expect" ? "100-continue" : random.chance(0.2) ? [value, value] : value
  },
  "an odd parameter": ({ params }, random) => {
    const names = Object.keys(params)
    // An empty one would make it another path.
    if (names.length > 0) params[random.pick(names)] = random.pick(ODD_TEXTS.slice(1))
  },
  "an odd query": ({ query }, random) => {
    const at = random.below(query.length + 1)
    const [name] = query[at] ?? [random.pick(ODD_TEXTS)]
    query[at] = [name, String(random.pick(ODD_SCALARS))]
  },
  "a query twice": ({ query }, random) => {
    if (query.length > 0) query.push(random.pick(query))
  },
  "a broken address": (draft, random) => {
    draft.suffix = random.pick([
      "?%",
      "?a=%ff",
      "?a=%ed%a0%80",
      "?=",
      "?&&",
      "/",
      "//",
      "%",
      "%ff",
      "#x",
      ";x",
      ":",
      ":run"
    ])
  },
  "another method": (draft, random) => {
    draft.method = random.pick(METHODS)
  }
}

/** Puts what there is in the place of most of what was made up, so that requests hit something. */
const useKnown = (value: unknown, known: Known, random: Random): unknown => {
  if (Array.isArray(value)) return value.map((item) => useKnown(item, known, random))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      known[name] !== undefined && random.chance(0.85)
        ? random.pick(known[name])
        : useKnown(item, known, random)
    ])
  )
}

/** Well-formed also where JSON is not asked: a header or an address has no lone surrogates to begin with. */
const encoded = (text: string): string => encodeURIComponent(text.toWellFormed())

const addressOf = (endpoint: HttpApiEndpoint.Top, { params, query, suffix }: Draft): string => {
  const path = endpoint.path
    .replaceAll("::", "\0")
    .replaceAll(/:(\w+)/g, (whole, name: string) => (name in params ? encoded(params[name]!) : whole))
    .replaceAll("\0", ":")
  const asked = query.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&")
  return `${path}${asked === "" ? "" : `?${asked}`}${suffix}`
}

/** As HTTP can send it: a header is Latin-1 without control characters. */
const sendable = (text: string) => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, "?")

/** Values that fit a schema, as they are sent; some that it can make it can't write. */
const samplesOf = (schema: Schema.Top, count: number, seed: string) =>
  Effect.map(
    Arbitrary.sampleEffect(Arbitrary.schema(schema), { count: 2 * count, seed, size: 6 }),
    (values) =>
      values
        .map((value) => Schema.encodeUnknownExit(schema as Schema.Codec<unknown>)(value))
        .flatMap((exit) => (Exit.isSuccess(exit) ? [exit.value] : []))
  )

const textsOf = (value: unknown): ReadonlyArray<readonly [string, string]> =>
  Object.entries((value ?? {}) as Record<string, unknown>).flatMap(([name, text]) =>
    text === undefined ? [] : [[name, String(text)] as const]
  )

/** So many requests for an operation: a good part fits its schemas, and the others are mutations of such. */
export const requestsFor = Effect.fnUntraced(function* (
  { endpoint, name }: Operation,
  count: number,
  known: Known,
  random: Random
) {
  const seed = `${random.below(2 ** 31)} ${name}`
  const slot = (schema: Schema.Top | undefined) =>
    schema === undefined ? Effect.succeed([]) : samplesOf(schema, count, seed)
  const [payloadSchema] = [...endpoint.payload.values()].flatMap(({ schemas }) => schemas)
  const params = yield* slot(endpoint.params)
  const query = yield* slot(endpoint.query)
  const headers = yield* slot(endpoint.headers)
  const payloads = yield* slot(payloadSchema)

  return Array.from({ length: count }, (_, index): FuzzRequest => {
    const fill = (value: unknown) => structuredClone(useKnown(value, known, random))
    const draft: Draft = {
      method: endpoint.method,
      params: Object.fromEntries(textsOf(fill(params[index]))),
      query: [...textsOf(fill(query[index]))],
      headers: Object.fromEntries([["x-api-key", KEY], ...textsOf(headers[index])]),
      payload: fill(payloads[index]),
      body: undefined,
      suffix: ""
    }
    if (payloadSchema !== undefined) draft.headers["content-type"] = "application/json"
    const mutations = random.chance(0.4)
      ? []
      : [random.pick(Object.keys(MUTATIONS)), ...random.times(1, () => random.pick(Object.keys(MUTATIONS)))]
    for (const mutation of mutations) MUTATIONS[mutation]!(draft, random)
    const body =
      draft.body ?? (draft.payload === undefined ? undefined : Buffer.from(JSON.stringify(draft.payload)))
    if (body !== undefined) draft.headers["content-length"] = String(body.length)
    return {
      method: draft.method,
      url: addressOf(endpoint, draft),
      headers: Object.fromEntries(
        Object.entries(draft.headers).map(([header, value]) => [
          header,
          typeof value === "string" ? sendable(value) : value.map(sendable)
        ])
      ),
      body,
      mutations
    }
  })
})
