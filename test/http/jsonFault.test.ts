import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { jsonFault, MAX_DEPTH, MAX_VALUES } from "../../src/http/jsonFault.ts"

const pathOf = (text: string) => jsonFault(text)?.path.join(".")
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`

describe("what may not come in of a JSON text", () => {
  it.prop(
    "is nothing of any value that can be stored, however it is written",
    { value: Schema.Json },
    ({ value }) => {
      const text = JSON.stringify(value)
      const isFit = !/\\u0000|\\ud[89a-f]/.test(text) && !/\d{16}|e\+|e-\d{3}/.test(text)
      for (const written of [text, JSON.stringify(value, null, "\t")]) {
        if (isFit) assert.isUndefined(jsonFault(written), written)
      }
    }
  )

  it("are numbers beyond 2^53 - 1, in whatever notation", () => {
    for (const number of [
      "0",
      "-0",
      "0.1",
      "-12.5e-3",
      "1e15",
      "1E+3",
      "1e-100",
      "-1.5e-99",
      "0e-400",
      "9007199254740991",
      "-9007199254740991",
      "9007199254740990.5",
      "0.12345678901234567890"
    ]) {
      assert.isUndefined(jsonFault(number), number)
    }
    for (const number of [
      "9007199254740992",
      "-9007199254740992",
      "9007199254740993",
      "12345678901234567890",
      "-12345678901234567890",
      "1E+30",
      "1e16",
      "-1e400",
      "1e400",
      "9007199254740993.0",
      "1".repeat(400),
      "9e-101",
      "-1e-300",
      "5e-324"
    ]) {
      assert.strictEqual(pathOf(number), "payload", number)
      assert.strictEqual(pathOf(` {"a" : [true, {"b\\n":1, "c" :${number}}]}`), "payload.a.1.c", number)
    }
    assert.isUndefined(jsonFault(`{"a":"12345678901234567890","12345678901234567890":[null,"1e400"]}`))
  })

  it("are keys that an object has twice, however they are written", () => {
    for (const twice of [
      '{"a":1,"a":1}',
      '{"a":1,"b":{"a":2},"a":3}',
      '{"a":[],"\\u0061":0}',
      '{ "\\u0061":1,"a" :2}'
    ]) {
      assert.strictEqual(pathOf(twice), "payload.a", twice)
      assert.strictEqual(pathOf(`{"x":[0,${twice}]}`), "payload.x.1.a", twice)
    }
    assert.strictEqual(pathOf('{"":1,"__proto__":2,"":3}'), "payload.")
    for (const once of [
      '{"a":{"a":{"a":1}},"A":1}',
      '[{"a":1},{"a":1}]',
      '{"a":"a","b":["a","a"]}',
      '{"\\\\u0061":0,"a":1}'
    ]) {
      assert.isUndefined(jsonFault(once), once)
    }
  })

  it("are U+0000 and lone surrogates, in texts and in keys", () => {
    for (const bad of ["\\u0000", "\\ud800", "\\uDC00x", "\\ud83d\\ud83d\\ude00", "\\ude00\\ud83d"]) {
      assert.strictEqual(pathOf(`"${bad}"`), "payload", bad)
      assert.strictEqual(pathOf(`{"a":[0,"x${bad}"]}`), "payload.a.1", bad)
      assert.strictEqual(pathOf(`{"a":{"b":1,"${bad}":2}}`), "payload.a", bad)
      assert.match(jsonFault(`{"${bad}":2}`)!.message, /^Expected keys without U\+0000/)
    }
    for (const fine of [
      "\\ud83d\\ude00",
      "\\\\u0000",
      "\\\\\\\\ud800",
      "\\u0001",
      "\\ue000",
      '\\"\\u0020',
      "😀"
    ]) {
      assert.isUndefined(jsonFault(`{"${fine}":["${fine}","\\ud83d\\ude00"]}`), fine)
    }
  })

  it("are values nested too deep, or too many", () => {
    assert.isUndefined(jsonFault(nested(MAX_DEPTH)))
    assert.strictEqual(pathOf(nested(MAX_DEPTH + 1)), ["payload", ...Array(MAX_DEPTH).fill(0)].join("."))
    assert.strictEqual(pathOf(`{"a":[1,${nested(MAX_DEPTH)}]}`)!.slice(0, 13), "payload.a.1.0")
    assert.isUndefined(jsonFault(`[${"[],".repeat(1_000)}[]]`))

    const items = (count: number) => `[${Array(count).fill("{}").join(",")}]`
    assert.isUndefined(jsonFault(items(MAX_VALUES - 1)))
    assert.strictEqual(pathOf(items(MAX_VALUES)), "payload")
    const strings = `{"a":[${Array(MAX_VALUES).fill('"x"').join(",")}]}`
    assert.strictEqual(jsonFault(strings)!.message, "Expected at most 100000 values")
  })

  it("is not whether it is JSON: that is for the parser", () => {
    for (const text of [
      "",
      "{",
      "]",
      "]]]]]",
      '"',
      '"\\',
      '{"a"',
      '{"a":',
      "{]",
      "[}",
      ",",
      ":::",
      "nope",
      "1 2 3",
      '{"\\u00',
      '["\\ud83d\\x"]',
      '{{"a\\u0000":1',
      "{1e400:1}",
      "\v",
      "\uFEFF"
    ]) {
      assert.isUndefined(jsonFault(text), text)
    }
    assert.strictEqual(pathOf('{"\\q":1e400}'), 'payload."\\q"')
  })

  it("is looked for in any text of 5 MB", () => {
    const size = 5 * 1024 * 1024
    const pieces = [
      "[",
      '{"a":',
      '"',
      '\\"',
      "\\",
      "1",
      "1,",
      "-",
      "{",
      "[[],",
      '"\\ud800',
      " ",
      "\v",
      ":",
      '"a":['
    ]
    for (const piece of pieces) {
      const text = piece.repeat(size / piece.length)
      assert.isBelow(JSON.stringify(jsonFault(text) ?? null).length, 1_000, piece)
    }
  })
})
