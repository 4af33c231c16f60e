import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Schema } from "effect"
import { attemptFailed, attemptNotMade, attemptSucceeded } from "../../src/domain/attempt.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { sha256 } from "../../src/domain/checksum.ts"
import { append, emptyCompletion } from "../../src/domain/completion.ts"
import type { Completion } from "../../src/domain/completion.ts"
import { ExecutionId } from "../../src/domain/Ids.ts"
import { IdempotencyKey, requestFingerprint, requireSameRequest } from "../../src/domain/idempotency.ts"
import { PromptName, TemplateSource } from "../../src/domain/Prompt.ts"
import {
  isRetryable,
  makeProviderError,
  ProviderFailure,
  withoutPrompt
} from "../../src/domain/providerError.ts"
import type { Json } from "../../src/domain/template/Value.ts"
import { isStorable, Text, textOf, toStorable } from "../../src/domain/Text.ts"
import { truncate } from "../../src/domain/truncation.ts"
import { MAX_VARIABLES_DEPTH, MAX_VARIABLES_VALUES, Variables } from "../../src/domain/Variables.ts"
import { slowness, worked } from "../support/slowness.ts"

/** Characters of one to four bytes, and pairs of them that belong together. */
const Characters = Schema.Array(Schema.Literals(["a", "é", "日", "🙂", "\n", "e\u0301"]))
const Bound = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 }))

const accepts = (schema: Schema.Codec<unknown, unknown>) => (value: unknown) =>
  Exit.isSuccess(Schema.decodeUnknownExit(schema)(value))

describe("truncation", () => {
  it.effect.prop(
    "never exceeds the bound, never splits a character, and cuts no more than it must",
    [Characters, Bound],
    ([characters, bound]) =>
      Effect.sync(() => {
        const whole = characters.join("")
        const { text, bytes, sha256: hash, truncated } = truncate(whole, bound)
        assert.isAtMost(Buffer.byteLength(text), bound)
        assert.isTrue(whole.startsWith(text))
        assert.isTrue(text.isWellFormed())
        assert.notInclude(text, "\uFFFD")
        assert.isBelow(bound - Buffer.byteLength(text), truncated ? 4 : Number.POSITIVE_INFINITY)
        assert.deepStrictEqual([bytes, hash], [Buffer.byteLength(whole), sha256(whole)])
        assert.strictEqual(truncated, bytes > bound)
        if (!truncated) assert.strictEqual(text, whole)
      })
  )
})

describe("texts that can be stored", () => {
  it.effect.prop("are all texts once U+0000 and lone surrogates are replaced", [Schema.String], ([text]) =>
    Effect.sync(() => {
      const stored = toStorable(text)
      assert.isTrue(isStorable(stored))
      assert.strictEqual(isStorable(text), stored === text)
      assert.strictEqual(stored.length, text.length)
    })
  )

  it("are not those with U+0000 or half a surrogate pair", () => {
    const ok = accepts(Text)
    assert.deepStrictEqual(["a\0b", "\uD83D", "x\uDE42", "\uDE42\uD83D", "🙂", ""].map(ok), [
      false,
      false,
      false,
      false,
      true,
      true
    ])
  })
})

describe("texts of a length", () => {
  it("have as many characters, not UTF-16 units", () => {
    const ok = accepts(textOf(2))
    assert.isTrue(["a", "ab", "🙂🙂"].every(ok))
    assert.isFalse(["", "abc", "🙂🙂a", "🙂\0"].some(ok))
  })
})

describe("names, keys and templates", () => {
  it("take prompt names of letters, digits, '_', '.', '-' and '/', up to 255", () => {
    const ok = accepts(PromptName)
    assert.isTrue(["a", "A.b-c_d/e/1", "x".repeat(255)].every(ok))
    assert.isFalse(["", " ", "a b", "é", "a:b", "x".repeat(256), "a\n"].some(ok))
  })

  it("take idempotency keys of printable ASCII, up to 255", () => {
    const ok = accepts(IdempotencyKey)
    assert.isTrue(["k", " ~!", "x".repeat(255)].every(ok))
    assert.isFalse(["", "é", "a\tb", "x".repeat(256)].some(ok))
  })

  it("take templates of up to 204,800 bytes, not characters", () => {
    const ok = accepts(TemplateSource)
    assert.isTrue(ok("é".repeat(102_400)))
    assert.isFalse(ok("é".repeat(102_401)))
  })
})

describe("variables", () => {
  const ok = accepts(Variables)
  const nested = (depth: number): Json => (depth === 0 ? 1 : [nested(depth - 1)])

  it("are any JSON within the bounds of depth and number", () => {
    assert.isTrue(ok({ a: null, b: [1, "x", { c: true }], "": "", __proto__: 1 }))
    assert.isTrue(ok({ a: nested(MAX_VARIABLES_DEPTH - 1) }))
    assert.isFalse(ok({ a: nested(MAX_VARIABLES_DEPTH) }))
    assert.isTrue(ok({ a: Array.from({ length: MAX_VARIABLES_VALUES - 2 }, () => 0) }))
    assert.isFalse(ok({ a: Array.from({ length: MAX_VARIABLES_VALUES - 1 }, () => 0) }))
    assert.isFalse(ok([]))
    assert.isFalse(ok("x"))
  })

  it("are refused with the place of what cannot be stored", () => {
    const messageOf = (value: unknown) => {
      const exit = Schema.decodeUnknownExit(Variables)(value)
      return Exit.isFailure(exit) ? String(exit.cause) : ""
    }
    assert.match(messageOf({ a: [{ b: "x\0" }] }), /U\+0000[^]*\["a"\]\[0\]\["b"\]/)
    assert.match(messageOf({ a: { "x\0": 1 } }), /keys without U\+0000[^]*\["a"\]/)
    const self: { [key: string]: unknown } = {}
    self["self"] = self
    assert.match(messageOf(self), /nested at most/)
  })

  it("are refused where JSON has no such value", () => {
    const strange = [
      undefined,
      1n,
      Number.NaN,
      Infinity,
      () => 1,
      Symbol("a"),
      new Date(0),
      new Map(),
      new URL("http://localhost")
    ]
    for (const value of strange) assert.isFalse(ok({ a: [value] }), String(value))
    assert.isTrue(ok({ a: Object.assign(Object.create(null), { b: 1 }) }))
  })

  it("keep a key named __proto__ as a plain key", () => {
    const variables = Schema.decodeUnknownSync(Variables)(JSON.parse('{"__proto__":{"polluted":1}}'))
    assert.isTrue(Object.hasOwn(variables, "__proto__"))
    assert.notProperty({}, "polluted")
  })
})

describe("canonical JSON and fingerprints", () => {
  const reversed = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(reversed)
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(
      Object.entries(value)
        .toReversed()
        .map(([key, item]) => [key, reversed(item)])
    )
  }

  it.effect.prop(
    "are the same for equal values, in whichever order their keys come",
    [Schema.Json],
    ([json]) =>
      Effect.sync(() => {
        const value = json as Json
        assert.strictEqual(canonicalJson(reversed(value)), canonicalJson(value))
        assert.deepStrictEqual(JSON.parse(canonicalJson(value)), JSON.parse(JSON.stringify(value)))
      })
  )

  it("differ for requests that differ, and not for a field that is not given", () => {
    const print = requestFingerprint
    assert.strictEqual(print({ a: 1, b: undefined }), print({ a: 1 }))
    assert.notStrictEqual(print({ a: 1 }), print({ a: 2 }))
    assert.notStrictEqual(print({ a: "1" }), print({ a: 1 }))
  })

  it.effect("let an execution answer only for the request that made it", () =>
    Effect.gen(function* () {
      const execution_id = ExecutionId.make(crypto.randomUUID())
      const existing = { execution_id, request_fingerprint: "print" }
      yield* requireSameRequest(existing, "key", "print")
      const error = yield* Effect.flip(requireSameRequest(existing, "key", "other"))
      assert.include(error, { _tag: "IdempotencyKeyReused", idempotency_key: "key", execution_id })
    })
  )
})

describe("provider errors", () => {
  it("are worth another attempt after timeouts, lost connections, 429 and 5xx, or where none was called", () => {
    const retryable = ProviderFailure.literals.filter((reason) =>
      isRetryable(makeProviderError({ reason, detail: "" }))
    )
    assert.deepStrictEqual(retryable, ["timeout", "connection", "rate_limited", "server_error", "not_set_up"])
  })

  it("keep a bounded, storable message without secrets", () => {
    const { detail } = makeProviderError({
      reason: "rejected",
      detail: `sk-abcdef123456 \0 ${"x".repeat(1_000)}`
    })
    assert.isAtMost(detail.length, 500)
    assert.isTrue(isStorable(detail))
    assert.notInclude(detail, "abcdef123456")
  })

  it("lose what looks like a secret, however it is written, and keep the rest", () => {
    const detailOf = (detail: string) => makeProviderError({ reason: "rejected", detail }).detail
    for (const [said, kept] of [
      ["key sk-proj-ab12cd34 is bad", "key [redacted] is bad"],
      ["provided: sk-ab****************wxyz.", "provided: [redacted]"],
      ["api_key=s3cr3t&x=1", "api_key=[redacted]&x=1"],
      ['{"apiKey": "s3cr3t", "a": 1}', '{"apiKey": "[redacted]", "a": 1}'],
      ["Incorrect API key provided: s3cr3t.", "Incorrect API key provided: [redacted]"],
      ["password: s3cr3t; retry", "password: [redacted]; retry"],
      ["the token 's3cr3t' has expired", "the token '[redacted]' has expired"],
      ["Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [redacted]"],
      ["https://user:pass@host/v1 is away", "https://[redacted]@host/v1 is away"],
      [`hash ${"0123456789abcdef".repeat(2)}`, "hash [redacted]"],
      [`${"x ".repeat(247)}sk-abcdefghijkl`, `${"x ".repeat(247)}[redac`],
      ["max_tokens: 5000 is over 4096", "max_tokens: 5000 is over 4096"],
      ["The model gpt-4o-mini-2024-07-18 does not exist", "The model gpt-4o-mini-2024-07-18 does not exist"]
    ] as const) {
      assert.strictEqual(detailOf(said), kept)
    }
  })

  it("lose what they quote of the prompt", () => {
    const prompt = 'Dear "Ada",\nyour number is 1815-12-10.'
    const without = (detail: string, of = prompt) =>
      withoutPrompt(makeProviderError({ reason: "rejected", detail }), of).detail
    for (const [said, kept] of [
      [`refused: '${prompt}'`, "refused: '[prompt]'"],
      [`refused: ${JSON.stringify(prompt)}`, 'refused: "[prompt]"'],
      [`refused (${prompt.slice(5, 30)}…) (${prompt.slice(-14)})`, "refused ([prompt]…) ([prompt])"],
      ["refused: Dear me", "refused: Dear me"],
      ["", ""]
    ] as const) {
      assert.strictEqual(without(said), kept)
    }
    assert.strictEqual(without("refused: 12345678", "12345678"), "refused: [prompt]")
    assert.strictEqual(without("no, not so", "no"), "no, not so")
    // Two characters that end in the same surrogate.
    assert.strictEqual(without("\u{1FA42} is the one", "🙂 is the one"), "\uFFFD[prompt]")
  })

  const Pieces = Schema.Array(Schema.Literals(["a", "b", '"', "\n", "🙂", "🙃"]))

  it.effect.prop("lose each 12 characters in a row that the prompt has", [Pieces, Pieces], (parts) =>
    Effect.sync(() => {
      const [some, more] = parts.map((characters) => characters.join("")) as [string, string]
      const prompt = some + more + some
      const json = JSON.stringify(prompt).slice(1, -1)
      const error = makeProviderError({ reason: "rejected", detail: `${more} ${json.slice(3)} ${some}` })
      const kept = error.detail.split("")
      for (const form of error.detail.includes("\\") ? [prompt, json] : [prompt]) {
        const length = Math.min(12, form.length)
        if (length < 6) continue
        for (let at = 0; at + length <= kept.length; at++) {
          if (form.includes(error.detail.slice(at, at + length))) kept.fill("\0", at, at + length)
        }
      }
      assert.strictEqual(
        withoutPrompt(error, prompt).detail,
        toStorable(kept.join("").replaceAll(/\0+/g, "[prompt]"))
      )
    })
  )

  it("lose it in little time, however long the prompt is and whatever is repeated in it", () => {
    const words = Array.from({ length: 250_000 }, (_, index) => `the word ${index}`)
    const detail = "This model's maximum context length is 128000 tokens. Please reduce the length. ".repeat(
      6
    )
    for (const [prompt, said] of [
      [words.join(" "), detail],
      ["x".repeat(4_000_000), "x".repeat(500)],
      [detail.repeat(8_000), detail]
    ] as const) {
      const error = makeProviderError({ reason: "rejected", detail: said })
      const before = worked()
      withoutPrompt(error, prompt)
      assert.isBelow(worked() - before, 100 * slowness)
    }
  })
})

describe("attempts", () => {
  const latency = Duration.millis(41.6)

  it("keep of what a provider says only counts and ids", () => {
    const said = (more: object) => attemptSucceeded({ ...emptyCompletion, ...more } as Completion, latency)
    for (const prompt_tokens of [-1, 1.5, 2 ** 31, Number.NaN, "7", {}]) {
      assert.isNull(said({ prompt_tokens, response_tokens: 7 }).prompt_tokens)
      assert.isNull(said({ prompt_tokens: 7, response_tokens: prompt_tokens }).response_tokens)
    }
    for (const provider_request_id of ["a\0", "x".repeat(256), 7, {}]) {
      assert.isNull(said({ provider_request_id }).provider_request_id)
    }
    assert.strictEqual(said({ provider_request_id: "req_1" }).provider_request_id, "req_1")
  })

  it("keep the answer as it can be stored, and say what was done to it", () => {
    const answer = { ...emptyCompletion, text: `${"é".repeat(256_000)}\0`, prompt_tokens: 1 }
    const end = attemptSucceeded(answer, latency)
    assert.deepInclude(end, { _tag: "Succeeded", replaced: true, prompt_tokens: 1, latency_ms: 42 })
    if (end._tag === "Succeeded") {
      assert.isTrue(end.response.truncated)
      assert.strictEqual(Buffer.byteLength(end.response.text), 512_000)
      assert.strictEqual(end.response.bytes, 512_003)
    }
  })

  it("tell a failure by its reason, and the wait for the next attempt where there is one", () => {
    const error = makeProviderError({
      reason: "rate_limited",
      detail: "slow down",
      http_status: 429,
      retry_after: Duration.seconds(90)
    })
    const failed = (mode: "sync" | "async", attempts: number) =>
      attemptFailed({ mode, attempts }, error, latency)
    assert.deepInclude(failed("async", 1), {
      _tag: "Failed",
      error_type: "provider_rate_limited",
      error_message: "slow down",
      http_status: 429,
      retryable: true,
      retry_after: Duration.seconds(90)
    })
    assert.deepInclude(failed("async", 4), { retryable: true, retry_after: undefined })
    assert.deepInclude(failed("sync", 1), { retryable: true, retry_after: undefined })
    assert.deepInclude(attemptNotMade("gone", "no"), {
      error_type: "gone",
      retryable: false,
      latency_ms: null
    })
  })

  it("are folded from any number of parts", () => {
    const parts = [
      { text: "Hel", provider_request_id: "req" },
      { text: "lo", prompt_tokens: 3 },
      { text: "", response_tokens: 2 }
    ]
    assert.deepStrictEqual(parts.reduce(append, emptyCompletion), {
      text: "Hello",
      prompt_tokens: 3,
      response_tokens: 2,
      provider_request_id: "req"
    })
  })
})
