import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import nodes from "nunjucks/src/nodes.js"
import type { Node } from "nunjucks/src/nodes.js"
import { check } from "../../../src/domain/template/check.ts"
import type { TemplateForbidden } from "../../../src/domain/template/errors.ts"
import { MAX_NESTING, MAX_PARAMETERS, MAX_SOURCE_BYTES } from "../../../src/domain/template/limits.ts"
import { makeTemplate } from "../../../src/domain/template/Template.ts"
import type { RenderOptions } from "../../../src/domain/template/Template.ts"
import type { Json } from "../../../src/domain/template/Value.ts"

type Variables = { readonly [name: string]: Json }
type Rows<Row extends ReadonlyArray<unknown>> = ReadonlyArray<Readonly<Row>>

const render = (source: string, variables: Variables = {}, options?: RenderOptions) =>
  makeTemplate(source).pipe(Effect.flatMap((template) => template.render(variables, options)))

const placed = (error: { _tag: string; line: number; column: number; reason: string }) =>
  `${error._tag} ${error.line}:${error.column} ${error.reason}`

/** The names that rendering reports as missing, or the text where none is. */
const missing = (source: string, variables: Variables, options?: RenderOptions) =>
  render(source, variables, options).pipe(
    Effect.catchTag("UndefinedVariable", (error) => Effect.succeed(error.variables))
  )

/** The limit that rendering exceeds, with its size, or the text where it exceeds none. */
const limitOf = (source: string, variables: Variables, options?: RenderOptions) =>
  render(source, variables, options).pipe(
    Effect.catchTag("TemplateLimitExceeded", ({ limit, maximum }) => Effect.succeed(`${limit} ${maximum}`))
  )

/** One test a row: the template gives exactly this text for these variables. */
const gives = (rows: Rows<[source: string, variables: Variables, expected: string]>) => {
  for (const [source, variables, expected] of rows) {
    it.effect(`${source} gives ${JSON.stringify(expected)}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* render(source, variables), expected)
      })
    )
  }
}

/** One test a row: the expression is true, or false. */
const says = (expected: boolean, variables: Variables, expressions: ReadonlyArray<string>) =>
  gives(expressions.map((expression) => [`{{ ${expression} }}`, variables, String(expected)]))

/** One test a row: the values do not fit the template, for this reason, found at this place. */
const misfits = (rows: Rows<[source: string, variables: Variables, place: string, reason: string]>) => {
  for (const [source, variables, place, reason] of rows) {
    it.effect(`${source} fails: ${reason}`, () =>
      Effect.gen(function* () {
        const error = yield* render(source, variables).pipe(
          Effect.catchTag("TemplateRenderError", (cause) => Effect.succeed(placed(cause)))
        )
        assert.strictEqual(error, `TemplateRenderError ${place} ${reason}`)
      })
    )
  }
}

/** One test a row: rendering names exactly these variables and attributes as missing, in this order. */
const misses = (rows: Rows<[source: string, variables: Variables, names: ReadonlyArray<string>]>) => {
  for (const [source, variables, names] of rows) {
    it.effect(`${source} misses ${names.join(", ")}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* missing(source, variables), names)
      })
    )
  }
}

/** One test a row: the template is refused, for this reason, at this place. */
const refuses = (
  tag: "TemplateSyntaxError" | "TemplateForbidden",
  rows: Rows<[source: string, place: string, reason: string]>
) => {
  for (const [source, place, reason] of rows) {
    it.effect(`${source} is refused: ${reason}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(placed(yield* Effect.flip(makeTemplate(source))), `${tag} ${place} ${reason}`)
      })
    )
  }
}

/** One test a row: the template takes these variables, in this order; those with a `?` are optional. */
const takes = (rows: Rows<[source: string, variables: string]>) => {
  for (const [source, variables] of rows) {
    it.effect(`${source} takes ${variables === "" ? "nothing" : variables}`, () =>
      Effect.gen(function* () {
        const template = yield* makeTemplate(source)
        assert.strictEqual(
          template.variables.map(({ name, required }) => (required ? name : `${name}?`)).join(" "),
          variables
        )
      })
    )
  }
}

describe("the text of values", () => {
  gives([
    ["{{ v }}", { v: "plain" }, "plain"],
    ["{{ v }}", { v: "{{ 1 + 1 }}{% if %}" }, "{{ 1 + 1 }}{% if %}"],
    ["{{ v }}", { v: "<b>&'\"</b>" }, "<b>&'\"</b>"],
    ["{{ v }}", { v: 1.5 }, "1.5"],
    ["{{ v }}", { v: 1e21 }, "1e+21"],
    ["{{ v }}", { v: true }, "true"],
    ["{{ v }}", { v: false }, "false"],
    ["[{{ v }}]", { v: null }, "[]"],
    ["{{ v }}", { v: [1, "a", null, [], {}] }, '[1,"a",null,[],{}]'],
    ["{{ v }}", { v: { a: { b: ['"'] } } }, '{"a":{"b":["\\""]}}'],
    [
      "{{ None }}{{ none }}{{ null }}|{{ True }}{{ true }}|{{ False }}{{ false }}",
      {},
      "|truetrue|falsefalse"
    ],
    ["{{ 12 }} {{ 1.50 }} {{ 9007199254740991 }}", {}, "12 1.5 9007199254740991"],
    ["{{ \"a\\n\\t\\r\\\\\\\"b\" }}{{ 'c\\'d' }}", {}, "a\n\t\r\\\"bc'd"],
    ["{{ [1, 'a', [2]] }}{{ [] }}", {}, '[1,"a",[2]][]'],
    ["{{ (1, 2) }}{{ () }}{{ (3) }}", {}, "[1,2][]3"],
    ["{{ {a: 1, 'b c': [x]} }}{{ {} }}", { x: 2 }, '{"a":1,"b c":[2]}{}'],
    ["{{ {'a': 1, 'a': 2} }}", {}, '{"a":2}'],
    ["{{ {'__proto__': 1} }}", {}, '{"__proto__":1}'],
    ["日本 {{ naïve_2 }} 🙂", { naïve_2: "é" }, "日本 é 🙂"],
    ["{{ नाम }}{{ d.नाम }}{{ e\u0301 }}", { नाम: 1, d: { नाम: 2 }, "e\u0301": 3 }, "123"]
  ])
})

describe("truth", () => {
  says(true, {}, ["true", "not 0", "not not 1", "not ''", "not []", "not {}", "not none"])
  gives([
    [
      "{% for v in vs %}{{ 'T' if v else 'F' }}{% endfor %}",
      { vs: [null, false, 0, "", [], {}, true, 1, -0.5, " ", "0", "false", [0], { a: null }] },
      "FFFFFFTTTTTTTT"
    ]
  ])
})

describe("look-ups", () => {
  const heir = Object.create({ a: 1 }) as Json
  const own = JSON.parse('{"__proto__": 1, "constructor": 2}') as Json
  const d = { a: 1, "b c": 2, "0": 3 }
  const v = { d, xs: ["p", "q", "r"], s: "a😀b", k: "a", i: -1, n: 5, own, heir }
  gives([
    ["{{ d.a }}{{ d['a'] }}{{ d[k] }}{{ d['b c'] }}{{ d['0'] }}", v, "11123"],
    ["{{ xs[0] }}{{ xs[2] }}{{ xs[-1] }}{{ xs[-3] }}{{ xs[i] }}{{ xs[1 + 1] }}", v, "prrprr"],
    ["{{ s[0] }}{{ s[1] }}{{ s[2] }}{{ s[-1] }}{{ s[-2] }}", v, "a😀bb😀"],
    ["{{ [{'a': [1, 2]}][0].a[1] }}{{ {'x': 1}.x }}{{ 'abc'[1] }}", v, "21b"],
    ["{{ own.__proto__ }}{{ own.constructor }}", v, "12"],
    ["{{ None is none }}", { None: 1 }, "true"]
  ])
  says(false, v, [
    "d.b is defined",
    "d.constructor is defined",
    "d.toString is defined",
    "d.__proto__ is defined",
    "d[0] is defined",
    "d[none] is defined",
    "d[true] is defined",
    "d[xs] is defined",
    "xs[3] is defined",
    "xs[-4] is defined",
    "xs[0.5] is defined",
    "xs['0'] is defined",
    "xs.length is defined",
    "s[3] is defined",
    "s[-4] is defined",
    "s.length is defined",
    "n.a is defined",
    "n[0] is defined",
    "none.a is defined",
    "heir.a is defined",
    "not not heir",
    "toString is defined",
    "__proto__ is defined"
  ])
  misses([
    ["{{ d.x }}{{ d['x y'] }}{{ d[k ~ k] }}{{ xs[7] }}", v, ["d.x", 'd["x y"]', "d[…]", "xs[7]"]],
    ["{{ d.a.b.c }}", v, ["d.a.b"]],
    ["{{ (xs|first).b }}{{ {}.c }}", v, [".b", ".c"]],
    ["{{ d[d.x] }}", v, ["d.x"]],
    ["{{ d[null] }}", v, ["d[null]"]]
  ])
})

describe("operators", () => {
  gives([
    ["{{ 1 + 2 }} {{ 1 - 2 }} {{ 2 * 3 }} {{ 7 / 2 }}", {}, "3 -1 6 3.5"],
    ["{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 // -2 }}", {}, "3 -4 -4"],
    ["{{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ -7 % -3 }} {{ 6 % 3 }}", {}, "1 2 -2 -1 0"],
    ["{{ 2 ** 3 }} {{ 4 ** 0.5 }} {{ 2 ** -1 }}", {}, "8 2 0.5"],
    ["{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 2 * 3 ** 2 }} {{ 10 - 2 - 3 }}", {}, "7 9 18 5"],
    [
      "{{ -3 }} {{ +3 }} {{ - -3 }} {{ -x }} {{ 5 - -x }} {{ 1-1 }} {{ -x|abs }}",
      { x: 2 },
      "-3 3 3 -2 7 0 2"
    ],
    ["{{ 'a' + 'b' }} {{ [1] + [2, 3] }}", {}, "ab [1,2,3]"],
    ["{{ 'ab' * 2 }}{{ 2 * 'ab' }}{{ 'ab' * 0 }}{{ 'ab' * -1 }}{{ '' * 9 }}", {}, "abababab"],
    ["{{ [1, 2] * 2 }}{{ 2 * [1] }}{{ [1] * -1 }}{{ [] * 9 }}", {}, "[1,2,1,2][1,1][][]"],
    ["{{ 1 ~ 'a' ~ true ~ none ~ [2] ~ {'b': 3} }}", {}, '1atrue[2]{"b":3}'],
    ["{{ 0 or 'a' }}{{ 'b' or x.y }}{{ 1 and 'c' }}{{ 0 and x.y }}", { x: {} }, "abc0"],
    ["{{ 1 or 0 and 0 }}{{ not 1 == 2 }}{{ not 1 in [1] }}", {}, "1truefalse"],
    ["{{ 'a' if x > 1 else 'b' }}{{ 'a' if x > 9 else 'b' }}[{{ 'a' if x > 9 }}]", { x: 2 }, "ab[]"],
    [
      "{% for x in [1, 2, 3, 4] %}{{ 'a' if x == 1 else 'b' if x == 2 else 'c' if x == 3 }};{% endfor %}",
      {},
      "a;b;c;;"
    ],
    ["{{ ('a' if 0) if 1 else 'b' }}{{ [0 if 0 else 1 if 0 else 2, 3] }}", {}, "[2,3]"],
    ["{% for x in a if 0 else b if 1 %}{{ x }}{% endfor %}", { a: "a", b: "b" }, "b"]
  ])
  says(true, { x: [1, { a: "b" }], y: [1, { a: "b" }], s: "🙂" }, [
    "1 == 1",
    "1 === 1.0",
    "'a' == \"a\"",
    "none == none",
    "x == y",
    "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}",
    "[] == []",
    "1 != 2",
    "1 !== '1'",
    "x != [1]",
    "1 < 2",
    "2 > 1",
    "1 <= 1",
    "1 >= 1",
    "'a' < 'b'",
    "'Z' < 'a'",
    "'a' >= 'a'",
    "'b' > 'a'",
    "1 < 2 < 3",
    "1 < 2 > 1 == 1",
    "1 in [1, 2]",
    "3 not in [1, 2]",
    "{'a': 'b'} in x",
    "'b' in 'abc'",
    "'' in 'abc'",
    "s in 'a🙂b'",
    "'a' in {'a': none}",
    "'toString' not in {}",
    "1 not in {'1': 2}"
  ])
  says(false, { x: [1, { a: "b" }] }, [
    "1 == '1'",
    "1 == true",
    "0 == false",
    "none == false",
    "'' == none",
    "[] == {}",
    "[1] == 1",
    "[1, 2] == [2, 1]",
    "[1] == [1, 2]",
    "{'a': 1} == {'b': 1}",
    "{'a': 1} == {'a': 2}",
    "{'a': 1} == {'a': 1, 'b': 2}",
    "x != x",
    "2 < 1",
    "1 <= 0",
    "1 > 1",
    "'a' < 'a'",
    "1 < 3 < 2",
    "3 < 2 < 'text'",
    "1 in []",
    "1 not in [1]",
    "true in [1]",
    "'x' in 'abc'",
    "'constructor' in {}"
  ])
  misfits([
    ["{{ 'a' + 1 }}", {}, "1:4", "cannot compute text + number; '~' joins texts"],
    ["{{ 1 + 'a' }}", {}, "1:4", "cannot compute number + text; '~' joins texts"],
    ["a\n {{ b\n + none }}", { b: [] }, "2:5", "cannot compute list + null; '~' joins texts"],
    ["{{ true + true }}", {}, "1:4", "cannot compute boolean + boolean; '~' joins texts"],
    ["{{ 'a' - 'b' }}", {}, "1:4", "cannot compute text - text"],
    ["{{ {} / 2 }}", {}, "1:4", "cannot compute object / number"],
    ["{{ 'a' * 'b' }}", {}, "1:4", "cannot compute text * text"],
    ["{{ 'a' % 2 }}", {}, "1:4", "cannot compute text % number"],
    ["{{ none // 2 }}", {}, "1:4", "cannot compute null // number"],
    ["{{ 2 ** [] }}", {}, "1:4", "cannot compute number ** list"],
    ["{{ 'a' * 1.5 }}", {}, "1:4", "a whole number is expected"],
    ["{{ 2 * none }}", {}, "1:4", "cannot repeat null"],
    ["{{ {} * 2 }}", {}, "1:4", "cannot repeat object"],
    ["{{ 1 / 0 }}", {}, "1:4", "1 / 0 is not a number"],
    ["{{ 0 // 0 }}", {}, "1:4", "0 // 0 is not a number"],
    ["{{ 5 % 0 }}", {}, "1:4", "5 % 0 is not a number"],
    ["{{ 10 ** 400 }}", {}, "1:4", "10 ** 400 is not a number"],
    ["{{ -'a' }}", {}, "1:4", "text has no sign"],
    ["{{ +true }}", {}, "1:4", "boolean has no sign"],
    ["{{ 1 < 'a' }}", {}, "1:6", "cannot compare number with text"],
    ["{{ none >= 1 }}", {}, "1:9", "cannot compare null with number"],
    ["{{ [1] > [2] }}", {}, "1:8", "cannot compare list with list"],
    ["{{ true <= false }}", {}, "1:9", "cannot compare boolean with boolean"],
    ["{{ 1 in 5 }}", {}, "1:4", "cannot look for number in number"],
    ["{{ 1 in 'a1' }}", {}, "1:4", "cannot look for number in text"],
    ["{{ 'a' in none }}", {}, "1:4", "cannot look for text in null"]
  ])
})

describe("tests", () => {
  const v = { n: null, b: true, i: 3, f: 1.5, s: "aB", l: [1], d: { a: 1 }, z: 0 }
  says(true, v, [
    "i is defined",
    "n is defined",
    "d.x is not defined",
    "x is undefined",
    "d.x is undefined",
    "n is none",
    "n is null",
    "n is none()",
    "b is boolean",
    "false is boolean",
    "b is true",
    "false is false",
    "i is number",
    "i is integer",
    "f is float",
    "s is string",
    "d is mapping",
    "s is sequence",
    "l is sequence",
    "d is sequence",
    "s is iterable",
    "l is iterable",
    "d is iterable",
    "l is sameas(l)",
    "3 is sameas(i)",
    "z is even",
    "-4 is even",
    "i is odd",
    "-3 is odd",
    "6 is divisibleby(3)",
    "6 is divisibleby(number=2)",
    "'ab' is lower",
    "'AB' is upper",
    "l is eq([1])",
    "l is equalto([1])",
    "i is ne(4)",
    "i is ne(other=4)",
    "i is eq(other=3)",
    "i is gt(other=2)",
    "i is sameas(other=3)",
    "i is gt(2)",
    "i is greaterthan(2)",
    "i is ge(3)",
    "i is lt(4)",
    "'a' is lessthan('b')",
    "i is le(3)",
    "i is in([3])",
    "i is in(items=[3])",
    "'a' is in('cab')",
    "'a' is in(d)",
    "i is not in([4])",
    "not i is even"
  ])
  says(false, v, [
    "i is undefined",
    "i is not defined",
    "z is none",
    "z is boolean",
    "i is true",
    "1 is true",
    "z is false",
    "'3' is number",
    "b is number",
    "f is integer",
    "i is float",
    "n is string",
    "l is mapping",
    "n is mapping",
    "n is sequence",
    "i is iterable",
    "n is iterable",
    "l is sameas([1])",
    "1 is sameas(true)",
    "i is even",
    "z is odd",
    "7 is divisibleby(3)",
    "s is lower",
    "s is upper",
    "i is eq('3')",
    "i is ne(3)",
    "i is gt(3)",
    "i is ge(4)",
    "i is lt(3)",
    "i is le(2)",
    "i is in([])",
    "'b' is in(d)"
  ])
  says(false, {}, [
    ...["defined", "none", "null", "boolean", "true", "false", "number", "integer", "float", "string"].map(
      (test) => `x is ${test}`
    ),
    "x is mapping",
    "x is sequence",
    "x is sameas(1)"
  ])
  misses([
    ...["iterable", "even", "odd", "lower", "upper"].map(
      (test) => [`{{ x is ${test} }}`, {}, ["x"]] as const
    ),
    ["{{ d.x is divisibleby(2) }}", v, ["d.x"]],
    ["{{ i is eq(d.x) }}{{ i is in(d.y) }}", v, ["d.x", "d.y"]],
    ["{{ x.y is defined }}", {}, ["x"]]
  ])
  misfits([
    ["{{ 'a' is even }}", {}, "1:4", "a whole number is expected"],
    ["{{ 1.5 is odd }}", {}, "1:4", "a whole number is expected"],
    ["{{ 4 is divisibleby('2') }}", {}, "1:4", "a whole number is expected"],
    ["{{ 4.5 is divisibleby(2) }}", {}, "1:4", "a whole number is expected"],
    ["{{ 4 is divisibleby(0) }}", {}, "1:4", "cannot divide by 0"],
    ["{{ 1 is lower }}", {}, "1:4", "a text is expected"],
    ["{{ none is upper }}", {}, "1:4", "a text is expected"],
    ["{{ 1 is gt('a') }}", {}, "1:4", "cannot compare number with text"],
    ["{{ 1 is in(2) }}", {}, "1:4", "cannot look for number in number"]
  ])
})

describe("filters of texts", () => {
  gives([
    ["{{ 'hELLO wORLD'|capitalize }}{{ ''|capitalize }}{{ 42|capitalize }}", {}, "Hello world42"],
    [
      "[{{ 'ab'|center(7) }}] [{{ 'ab'|center(width=3) }}] [{{ 'abc'|center(2) }}]",
      {},
      "[  ab   ] [ab ] [abc]"
    ],
    ["{{ ''|center|length }} {{ ''|center(1000)|length }}", {}, "80 1000"],
    [
      "{{ v|escape }} {{ v|e }}",
      { v: '<a b="c">\'&' },
      "&lt;a b=&quot;c&quot;&gt;&#39;&amp; &lt;a b=&quot;c&quot;&gt;&#39;&amp;"
    ],
    ["{{ v|indent }}", { v: "a\nb\nc" }, "a\n    b\n    c"],
    ["{{ v|indent(2, true) }}", { v: "a\nb" }, "  a\n  b"],
    ["{{ v|indent(width=1, first=false) }}", { v: "a\nb" }, "a\n b"],
    ["{{ 'ÀB'|lower }}{{ 'àß'|upper }}{{ true|upper }}", {}, "àbÀSSTRUE"],
    ["{{ v|nl2br }}", { v: "a\r\nb\nc" }, "a<br />\nb<br />\nc"],
    [
      "{{ 'aaa'|replace('a', 'b') }} {{ 'aaa'|replace('a', 'b', 2) }} {{ 'aaa'|replace('a', '', 0) }}",
      {},
      "bbb bba aaa"
    ],
    ["{{ 'a.b'|replace(old='.', new='$&', count=1) }} {{ 121|replace(1, 3) }}", {}, "a$&b 323"],
    [
      "{{ 'ab'|replace('', '-') }} {{ 'ab'|replace('', '-', 1) }} {{ ''|replace('', '-') }}",
      {},
      "-a-b- -ab -"
    ],
    [
      "{{ 'a😀b'|reverse }} {{ 'a😀b'|length }} {{ 'abc'|count }} {{ 'a😀'|list }}",
      {},
      'b😀a 3 3 ["a","😀"]'
    ],
    ["{{ '<b>'|safe }}{{ 5|safe }}{{ [1]|string|length }}{{ none|string }}", {}, "<b>53"],
    ["{{ v|striptags }}", { v: " <p>a\n\n <b\nc='d'>b</b></p> c <!-- <i> x > y -->d" }, "a b c d"],
    ["{{ 'a < b'|striptags }} {{ '<i>x<!-- y'|striptags }}", {}, "a < b x<!-- y"],
    ["{{ v|title }}", { v: "hello wORLD\tfoo-bar" }, "Hello World\tFoo-Bar"],
    ["[{{ v|trim }}]", { v: " \n a b\t " }, "[a b]"],
    [
      "{{ v|truncate(8) }} {{ v|truncate(8, true) }} {{ v|truncate(11) }}",
      { v: "hello world" },
      "hello... hello wo... hello world"
    ],
    [
      "{{ v|truncate(length=5, end='') }} {{ v|truncate(3, killwords=true, end='!') }}",
      { v: "hello world" },
      "hello hel!"
    ],
    [
      "{{ 'abcdef'|truncate(3) }} {{ 'abc'|truncate(0) }} {{ v|truncate|length }}",
      { v: "a".repeat(256) },
      "abc... ... 258"
    ],
    ["{{ 'ab😀c'|truncate(3) }} {{ 'ab😀c'|truncate(4) }}", {}, "ab😀... ab😀c"],
    [
      "{{ '😀 😀😀'|truncate(2) }} {{ '😀😀'|truncate(2) }} {{ '😀😀'|truncate(1, true, '') }}",
      {},
      "😀... 😀😀 😀"
    ],
    [
      "{{ 'a b/ü&'|urlencode }} {{ 1.5|urlencode }} {{ v|urlencode }}",
      { v: "\ud800" },
      "a%20b%2F%C3%BC%26 1.5 %EF%BF%BD"
    ],
    ["{{ 'Hello, wörld foo_bar 42!'|wordcount }} {{ ''|wordcount }} {{ '- !'|wordcount }}", {}, "4 0 0"],
    ["{{ ' b '|trim|upper|replace('B', 'c') ~ '!' }}", {}, "c!"]
  ])
  misfits([
    ["{{ 'a'|center(1001) }}", {}, "1:8", "a whole number from 0 to 1000 is expected"],
    ["{{ 'a'|indent(-1) }}", {}, "1:8", "a whole number from 0 to 1000 is expected"],
    ["{{ 'a'|indent('4') }}", {}, "1:8", "a whole number from 0 to 1000 is expected"],
    ["{{ 'a'|truncate(1.5) }}", {}, "1:8", "a whole number from 0 to 9007199254740991 is expected"],
    ["{{ 'a'|replace('a', 'b', -1) }}", {}, "1:8", "a whole number from 0 to 9007199254740991 is expected"],
    ["{{ 5|reverse }}", {}, "1:6", "cannot go over number"]
  ])
})

describe("filters of numbers", () => {
  gives([
    ["{{ x|abs }} {{ 3|abs }}", { x: -2.5 }, "2.5 3"],
    [
      "{{ '1.5x'|float }} {{ 'x'|float }} {{ 'x'|float(2.5) }} {{ ''|float(default='none') }}",
      {},
      "1.5 0 2.5 none"
    ],
    ["{{ '1e999'|float }} {{ 7|float }}", {}, "0 7"],
    [
      "{{ '42abc'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ x|int }} {{ 3.9|int }}",
      { x: -3.9 },
      "42 0 7 -3 3"
    ],
    ["{{ x|int }}", { x: 1e21 }, "1e+21"],
    ["{{ 'ff'|int(0, 16) }} {{ '101'|int(base=2) }} {{ 'z'|int(default=1, base=36) }}", {}, "255 5 35"],
    [
      "{{ 2.5|round }} {{ 2.4|round }} {{ 2.567|round(1) }} {{ 2.567|round(precision=2) }}",
      {},
      "3 2 2.6 2.57"
    ],
    [
      "{{ 2.567|round(2, 'floor') }} {{ 2.1|round(method='ceil') }} {{ 2|round(0, 'common') }}",
      {},
      "2.56 3 2"
    ],
    ["{{ [1, 2.5]|sum }} {{ []|sum }} {{ [1]|sum(start=10) }} {{ []|sum(start=3) }}", {}, "3.5 0 11 3"],
    [
      "{{ xs|sum('n') }} {{ xs|sum(attribute='m.0', start=1) }}",
      {
        xs: [
          { n: 1, m: [5] },
          { n: 2, m: [6] }
        ]
      },
      "3 12"
    ]
  ])
  misfits([
    ["{{ 'a'|abs }}", {}, "1:8", "a number is expected, not text"],
    ["{{ none|round }}", {}, "1:9", "a number is expected, not null"],
    ["{{ 1|round(16) }}", {}, "1:6", "a whole number from 0 to 15 is expected"],
    ["{{ 1|round(0, 'up') }}", {}, "1:6", "round goes by 'common', 'ceil' or 'floor'"],
    ["{{ x|round(15) }}", { x: 1e300 }, "1:6", "the result is not a number"],
    ["{{ '1'|int(0, 37) }}", {}, "1:8", "a whole number from 0 to 36 is expected"],
    ["{{ [1, true]|sum }}", {}, "1:14", "a number is expected, not boolean"],
    ["{{ []|sum(start='0') }}", {}, "1:7", "a number is expected, not text"],
    ["{{ [x, x]|sum }}", { x: 1e308 }, "1:11", "the result is not a number"]
  ])
})

describe("filters of lists and objects", () => {
  const people = [
    { name: "Bo", role: "user", at: { city: "X" } },
    { name: "al", role: "admin", at: { city: "Y" } },
    { name: "Cy", role: "user", at: { city: "W" } }
  ]
  const v = { people, gaps: [{ a: 1 }, {}, { a: 0 }], xs: [3, 1, 2] }
  gives([
    [
      "{{ xs|batch(2) }} {{ xs|batch(2, 0) }} {{ xs|batch(size=4, fill_with='-') }}",
      v,
      '[[3,1],[2]] [[3,1],[2,0]] [[3,1,2,"-"]]'
    ],
    ["{{ xs|batch(0) }} {{ []|batch(3) }} {{ 'abc'|batch(2) }}", v, '[[3],[1],[2]] [] [["a","b"],["c"]]'],
    ["{{ missing|default('x') }}{{ missing|d('y') }}[{{ missing|default }}]{{ gaps[1].a|d(1) }}", v, "xy[]1"],
    ["[{{ ''|default('x') }}][{{ none|default('x') }}]", {}, "[][]"],
    ["{{ 0|default('y', true) }}{{ 'z'|default('y', true) }}", {}, "yz"],
    ["{{ []|default(default_value='a', boolean=true) }}{{ 0|default('a', boolean=0) }}", {}, "a0"],
    ["{{ {'b': 1, 'A': 2, 'a': 3}|dictsort }}", {}, '[["A",2],["a",3],["b",1]]'],
    ["{{ {'b': 1, 'a': 2, 'C': 3}|dictsort(true) }}", {}, '[["C",3],["a",2],["b",1]]'],
    ["{{ {'a': 2, 'b': 1}|dictsort(false, 'value') }}", {}, '[["b",1],["a",2]]'],
    ["{{ {'a': 1, 'b': 2}|dictsort(by='key', reverse=true) }}", {}, '[["b",2],["a",1]]'],
    [
      "{{ v|dump }} {{ v|tojson }}",
      { v: { a: [1, "x", null, true] } },
      '{"a":[1,"x",null,true]} {"a":[1,"x",null,true]}'
    ],
    [
      "{{ v|dump(2) }}",
      { v: { a: [1, {}, []], b: "\n" } },
      '{\n  "a": [\n    1,\n    {},\n    []\n  ],\n  "b": "\\n"\n}'
    ],
    ["{{ [1]|tojson(indent=1) }}{{ 'a'|tojson }}{{ none|tojson }}", {}, '[\n 1\n]"a"null'],
    [
      "{{ xs|first }}{{ xs|last }}{{ 'ab'|last }}{{ {'b': 1, 'a': 2}|first }}{{ [none]|first is none }}",
      v,
      "32batrue"
    ],
    [
      "{% for role, all in people|groupby('role') %}{{ role }}:{{ all|join('+', 'name') }};{% endfor %}",
      v,
      "admin:al;user:Bo+Cy;"
    ],
    ["{{ gaps|groupby('a', default='?') }}", v, '{"0":[{"a":0}],"1":[{"a":1}],"?":[{}]}'],
    ["{{ [{'k': '__proto__'}]|groupby(attribute='k') }}", {}, '{"__proto__":[{"k":"__proto__"}]}'],
    ["{{ {'b': 1, 'a': 2}|items }} {{ {}|items }}", {}, '[["a",2],["b",1]] []'],
    [
      "{{ [1, none, true, [2]]|join('-') }} {{ xs|join }} {{ 'abc'|join('.') }} {{ xs|join(0) }}",
      v,
      "1--true-[2] 312 a.b.c 30102"
    ],
    [
      "{{ people|join(', ', attribute='at.city') }} {{ people|join(separator='', attribute='name') }}",
      v,
      "X, Y, W BoalCy"
    ],
    [
      "{{ xs|length }}{{ {'a': 1}|count }} {{ {'b': 1, 'a': 2}|list }} {{ xs|list }}",
      v,
      '31 ["a","b"] [3,1,2]'
    ],
    [
      "{{ ['a', 'b']|map('upper') }} {{ xs|map }} {{ [missing.x]|map('default') }}",
      { ...v, missing: {} },
      '["A","B"] [3,1,2] [""]'
    ],
    [
      "{{ people|map(attribute='at.city') }} {{ gaps|map(attribute='a', default='-') }}",
      v,
      '["X","Y","W"] [1,"-",0]'
    ],
    ["{{ [[1, 2], [3, 4]]|map(attribute='1') }} {{ ['ab']|map(attribute='-1') }}", {}, '[2,4] ["b"]'],
    ["{{ [{'n': 1}]|map(filter='length') }}", {}, "[1]"],
    [
      "{{ xs|max }}{{ xs|min }} {{ ['b', 'a']|max }} {{ 'bac'|min }} {{ {'x': 1, 'y': 2}|max }}",
      v,
      "31 b a y"
    ],
    ["{{ (people|max(attribute='role')).name }} {{ (people|min(attribute='role')).name }}", v, "Bo al"],
    ["{{ [{'n': 1, 'i': 'a'}, {'n': 1, 'i': 'b'}]|max(attribute='n') }}", {}, '{"i":"a","n":1}'],
    ["{{ [0, 1, '', 'a', none, []]|select }} {{ [0, 1, '', 'a']|reject }}", {}, '[1,"a"] [0,""]'],
    ["{{ xs|select('odd') }} {{ xs|reject('odd') }} {{ xs|select('gt', 1) }}", v, "[3,1] [2] [3,2]"],
    ["{{ [null, 0]|reject(test='null') }} {{ xs|reject(test='in', argument=[1]) }}", v, "[0] [3,2]"],
    [
      "{{ gaps|selectattr('a', 'defined') }} {{ gaps|rejectattr('a', 'defined') }}",
      v,
      '[{"a":1},{"a":0}] [{}]'
    ],
    ["{{ people|selectattr('role', 'eq', 'user')|join(',', 'name') }}", v, "Bo,Cy"],
    ["{{ people|selectattr('at.city')|length }}", v, "3"],
    ["{{ people|rejectattr(attribute='role', test='eq', argument='user')|join(',', 'name') }}", v, "al"],
    ["{{ xs|reverse }} {{ {'a': 1, 'b': 2}|reverse }}", v, '[2,1,3] ["b","a"]'],
    ["{{ [1, 2, 3, 4, 5]|slice(2) }} {{ [1, 2, 3]|slice(2, 0) }}", {}, "[[1,2,3],[4,5]] [[1,2],[3,0]]"],
    [
      "{{ [1, 2, 3, 4]|slice(slices=3, fill_with='-') }} {{ [1]|slice(0) }} {{ []|slice(2) }}",
      {},
      '[[1,2],[3,"-"],[4,"-"]] [[1]] [[],[]]'
    ],
    [
      "{{ xs|sort }} {{ xs|sort(true) }} {{ 'cab'|sort }} {{ {'b': 1, 'a': 2}|sort }}",
      v,
      '[1,2,3] [3,2,1] ["a","b","c"] ["a","b"]'
    ],
    [
      "{{ ['b', 'a', 'C']|sort }} {{ ['b', 'a', 'C']|sort(case_sensitive=true) }}",
      {},
      '["a","b","C"] ["C","a","b"]'
    ],
    ["{{ people|sort(attribute='name')|join(',', 'name') }}", v, "al,Bo,Cy"],
    ["{{ people|sort(false, true, 'at.city')|join(',', 'name') }}", v, "Cy,Bo,al"],
    ["{{ people|sort(reverse=true, attribute='role')|join(',', 'name') }}", v, "Bo,Cy,al"],
    [
      "{{ [1, '1', 1, [1], [1], {'a': 1}, {'a': 1}, none, none, true, {'a': 2}]|unique }}",
      {},
      '[1,"1",[1],{"a":1},null,true,{"a":2}]'
    ],
    [
      "{{ {'b': 1, 'a': 'x y'}|urlencode }} {{ [['k', '&'], ['n', none], ['m'], []]|urlencode }}",
      {},
      "a=x%20y&b=1 k=%26&n=&m=&="
    ]
  ])
  misses([
    ["{{ x|upper }}{{ y.z|length }}{{ 'a'|replace('a', y.q) }}", { y: {} }, ["x", "y.z", "y.q"]],
    ["{{ y.z|items }}{{ y.q|dictsort }}{{ y.r|list }}", { y: {} }, ["y.z", "y.q", "y.r"]],
    ["{{ []|first }}", {}, ["the first item of an empty list"]],
    ["{{ ''|last }}", {}, ["the last item of an empty list"]],
    ["{{ []|max }}", {}, ["the first item of an empty list"]],
    ["{{ gaps|groupby('a') }}", v, [".a"]],
    ["{{ gaps|map(attribute='a')|join }}", v, [".a"]],
    ["{{ gaps|selectattr('a') }}", v, [".a"]],
    ["{{ gaps|sort(attribute='a') }}", v, [".a"]],
    ["{{ people|join(',', 'at.street') }}", v, [".at.street"]],
    ["{{ gaps|map(attribute='b.c')|join }}", v, [".b"]]
  ])
  misfits([
    ["{{ [1]|batch(1001) }}", {}, "1:8", "a whole number from 0 to 1000 is expected"],
    ["{{ [1]|slice(1001) }}", {}, "1:8", "a whole number from 0 to 1000 is expected"],
    ["{{ {}|dump(11) }}", {}, "1:7", "a whole number from 0 to 10 is expected"],
    ["{{ {}|dictsort(by='size') }}", {}, "1:7", "dictsort goes by 'key' or by 'value'"],
    ["{{ [1]|dictsort }}", {}, "1:8", "an object is expected, not list"],
    ["{{ 'a'|items }}", {}, "1:8", "an object is expected, not text"],
    ["{{ 5|length }}", {}, "1:6", "cannot go over number"],
    ["{{ none|join }}", {}, "1:9", "cannot go over null"],
    ["{{ [5]|urlencode }}", {}, "1:8", "cannot go over number"],
    ["{{ [1, 'a']|max }}", {}, "1:13", "cannot compare text with number"],
    ["{{ [none, none]|sort }}", {}, "1:17", "cannot compare null with null"],
    ["{{ [1]|map('nope') }}", {}, "1:8", "there is no filter 'nope'"],
    ["{{ [1]|map('toString') }}", {}, "1:8", "there is no filter 'toString'"],
    ["{{ [1]|map('replace') }}", {}, "1:8", "the filter 'replace' needs arguments, which map cannot give"],
    ["{{ [1]|select('nope') }}", {}, "1:8", "there is no test 'nope'"],
    ["{{ [1]|select('constructor') }}", {}, "1:8", "there is no test 'constructor'"],
    ["{{ [1]|select('gt') }}", {}, "1:8", "the test 'gt' takes 1 arguments"],
    ["{{ [1]|rejectattr('a', 'odd', 1) }}", {}, "1:8", "the test 'odd' takes 0 arguments"]
  ])
})

describe("functions", () => {
  gives([
    [
      "{{ range(3) }} {{ range(1, 3) }} {{ range(5, 0, -2) }} {{ range(0, 5, 2) }}",
      {},
      "[0,1,2] [1,2] [5,3,1] [0,2,4]"
    ],
    ["{{ range(0) }} {{ range(3, 1) }} {{ range(-2) }} {{ range(0, 2, -1) }}", {}, "[] [] [] []"],
    ["{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}", {}, "aba"],
    ["{% set c = cycler('a', 'b') %}{{ c.next() }}[{{ c.reset() }}]{{ c.next() }}", {}, "a[]a"],
    [
      "{% set c = cycler(1) %}{% macro m(it) %}{{ it.next() }}{% endmacro %}{{ m(c) }}{{ [c][0].next() }}",
      {},
      "11"
    ],
    ["{% set j = joiner() %}{% for x in 'abc' %}{{ j() }}{{ x }}{% endfor %}", {}, "a,b,c"],
    ["{% set j = joiner(' | ') %}{% for x in 'ab' %}{{ j() }}{{ x }}{% endfor %}", {}, "a | b"],
    [
      "{% set c = cycler(1) %}{{ c is defined }} {{ c is mapping }} {{ c is string }} {{ 1 if c else 0 }}",
      {},
      "true false false 1"
    ]
  ])
  misses([
    ["{{ range }}{{ range(x.y) }}{{ joiner(x.z) }}", { x: {} }, ["range", "x.y", "x.z"]],
    ["{% set c = cycler(x.y, 1) %}{{ c.next() }}", { x: {} }, ["x.y"]]
  ])
  misfits([
    ["{{ range() }}", {}, "1:9", "range takes 1 to 3 whole numbers"],
    ["{{ range(1, 2, 3, 4) }}", {}, "1:9", "range takes 1 to 3 whole numbers"],
    ["{{ range('3') }}", {}, "1:9", "a whole number is expected"],
    ["{{ range(1.5) }}", {}, "1:9", "a whole number is expected"],
    ["{{ range(0, 2 ** 60) }}", {}, "1:9", "a whole number is expected"],
    ["{{ range(1, 2, 0) }}", {}, "1:9", "the step of a range cannot be 0"],
    ["{% set c = cycler() %}", {}, "1:18", "cycler needs at least one item"],
    ["{{ joiner(1) }}", {}, "1:10", "joiner takes one text"],
    ["{{ joiner('a', 'b') }}", {}, "1:10", "joiner takes one text"],
    ["{% set c = cycler(1) %}{{ c() }}", {}, "1:28", "helper cannot be called like this"],
    ["{% set j = joiner() %}{{ j.next() }}", {}, "1:32", "helper cannot be called like this"],
    ["{% set n = 1 %}{{ n() }}", {}, "1:20", "number cannot be called like this"],
    ["{{ x.next() }}", { x: "a" }, "1:10", "text cannot be called like this"],
    ["{% for x in [1] %}{{ loop.next() }}{% endfor %}", {}, "1:31", "object cannot be called like this"],
    ["{% set c = cycler(1) %}{{ c }}", {}, "1:24", "a function has no text"],
    ["{{ [joiner()]|dump }}", {}, "1:15", "a function has no text"],
    ["{{ joiner() + 1 }}", {}, "1:10", "cannot compute helper + number; '~' joins texts"]
  ])
})

describe("if", () => {
  const chain = "{% if n == 1 %}one{% elif n == 2 %}two{% elseif n == 3 %}three{% else %}more{% endif %}"
  gives([
    [chain, { n: 1 }, "one"],
    [chain, { n: 2 }, "two"],
    [chain, { n: 3 }, "three"],
    [chain, { n: 4 }, "more"],
    ["[{% if 0 %}a{% endif %}{% if 1 %}{% endif %}{% if [0] %}b{% endif %}]", {}, "[b]"],
    ["{% if 0 %}a{% elif 0 %}b{% endif %}c", {}, "c"],
    ["{% if a %}{% if b %}ab{% else %}a{% endif %}{% endif %}", { a: 1, b: 0 }, "a"]
  ])
})

describe("for", () => {
  gives([
    ["{% for x in xs %}{{ x }};{% endfor %}", { xs: [1, "a", null, [2]] }, "1;a;;[2];"],
    ["{% for c in 'a😀b' %}{{ c }};{% endfor %}", {}, "a;😀;b;"],
    ["{% for k in d %}{{ k }};{% endfor %}", { d: { b: 1, a: 2 } }, "a;b;"],
    ["{% for k, v in d %}{{ k }}={{ v }};{% endfor %}", { d: { b: 1, a: 2 } }, "a=2;b=1;"],
    [
      "{% for k, v in d|dictsort(reverse=true) %}{{ k }}={{ v }};{% endfor %}",
      { d: { b: 1, a: 2 } },
      "b=1;a=2;"
    ],
    ["{% for a, b, c in [[1, 2, 3], 'xyz'|list] %}{{ c }}{{ b }}{{ a }};{% endfor %}", {}, "321;zyx;"],
    [
      "{% for x in [] %}a{% else %}none{% endfor %}{% for x in [1] %}a{% else %}none{% endfor %}",
      {},
      "nonea"
    ],
    ["{% for x in '' %}a{% endfor %}{% for x in {} %}a{% endfor %}", {}, ""],
    [
      "{% for x in range(6) if x is odd %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}",
      {},
      "1/3:1 2/3:3 3/3:5 "
    ],
    ["{% for x in [1, 2] if x > 2 %}a{% else %}none{% endfor %}", {}, "none"],
    ["{% for k, v in d if v %}{{ k }}{% endfor %}", { d: { a: 0, b: 1 } }, "b"],
    ["{% for x in (xs if f else [9]) %}{{ x }}{% endfor %}", { f: false, xs: [1] }, "9"],
    ["{% for x in xs if f else [8, 9] %}{{ x }}{% endfor %}", { f: false, xs: [1] }, "89"],
    ["{% for x in 'ab' %}{{ loop.index }}{{ loop.index0 }}{{ loop.length }} {% endfor %}", {}, "102 212 "],
    ["{% for x in 'ab' %}{{ loop.revindex }}{{ loop.revindex0 }} {% endfor %}", {}, "21 10 "],
    [
      "{% for x in 'abc' %}{{ loop.first }}-{{ loop.last }} {% endfor %}",
      {},
      "true-false false-false false-true "
    ],
    [
      "{% for x in [1] %}{{ loop }}{% endfor %}",
      {},
      '{"first":true,"index":1,"index0":0,"last":true,"length":1,"revindex":1,"revindex0":0}'
    ],
    ["{% for x in 'ab' %}{{ loop['index'] }}{{ loop[f] }}{% endfor %}", { f: "index0" }, "1021"],
    [
      "{% for r in [[1, 2], [3]] %}{% for c in r %}{{ loop.index }}{% endfor %}{{ loop.last }};{% endfor %}",
      {},
      "12false;1true;"
    ],
    [
      "{% for r in 'ab' %}{% set row = loop %}{% for c in 'cd' %}{{ row.index }}{% endfor %}{% endfor %}",
      {},
      "1122"
    ],
    [
      "{% for x in [1, 2] %}{% for x in [3] %}{{ x }}{% endfor %}{{ x }}{% endfor %}{{ x }}",
      { x: 9 },
      "31329"
    ],
    ["{% for x in [1] %}{% set loop = {'index': 'mine'} %}{{ loop.index }}{% endfor %}", {}, "mine"],
    ["{{ loop.index }}", { loop: { index: "given" } }, "given"],
    [
      "{% for x in [1, 2] %}{% if x == 1 %}{% set y = 'a' %}{% endif %}{{ y|default('-') }}{% endfor %}",
      {},
      "a-"
    ]
  ])
  misses([
    ["{% for x in [1] %}{{ loop.nope }}{{ loop[0] }}{% endfor %}", {}, ["loop.nope", "loop[0]"]],
    ["{% for x in [1] %}{% endfor %}{{ loop.index }}{{ x }}", {}, ["loop", "x"]],
    ["{% for a, b in [x.y] %}{% endfor %}", { x: {} }, ["x.y"]],
    ["{% for a in x.y %}{{ x.z }}{% endfor %}", { x: {} }, ["x.y"]]
  ])
  misfits([
    ["{% for x in 5 %}{% endfor %}", {}, "1:4", "cannot go over number"],
    ["{% for x in none %}{% endfor %}", {}, "1:4", "cannot go over null"],
    ["{% for a, b in [[1]] %}{% endfor %}", {}, "1:4", "each item must be a list of 2"],
    ["{% for a, b in ['xy'] %}{% endfor %}", {}, "1:4", "each item must be a list of 2"],
    ["{% for a, b, c in {'k': 1} %}{% endfor %}", {}, "1:4", "each item must be a list of 3"]
  ])
})

describe("set", () => {
  gives([
    ["{% set x = 1 + 1 %}{{ x }}{% set x = x * 2 %}{{ x }}", {}, "24"],
    ["{% set x = 'own' %}{{ x }}", { x: "given" }, "own"],
    ["{{ x }}{% set x = 'own' %}{{ x }}", { x: "given" }, "givenown"],
    ["{% set n = 0 %}{% for x in [1, 2, 3] %}{% set n = n + x %}{% endfor %}{{ n }}", {}, "6"],
    [
      "{% set n = 0 %}{% for a in xs %}{% for b in xs %}{% set n = n + 1 %}{% endfor %}{% endfor %}{{ n }}",
      { xs: [1, 2] },
      "4"
    ],
    ["{% set n = none %}{% for x in [1] %}{% set n = x %}{% endfor %}{{ n }}", {}, "1"],
    ["{% for x in [1] %}{% set y = x %}{{ y }}{% endfor %}{{ y|default('-') }}", {}, "1-"],
    ["{% for x in [1] %}{% set y = x %}{% endfor %}{{ y|default('-') }}{% set y = 2 %}{{ y }}", {}, "-2"],
    ["{% for x in [1, 2] %}{{ y|default('-') }}{% set y = x %}{% endfor %}", {}, "--"],
    ["{% for x in [1] %}{% set g = 2 %}{{ g }}{% endfor %}{{ g }}", { g: 1 }, "21"],
    ["{% if 1 %}{% set y = 1 %}{% else %}{% set y = 2 %}{% endif %}{{ y }}", {}, "1"],
    ["{% if 1 %}{% if 1 %}{% set y = 1 %}{% endif %}{% endif %}{{ y }}", {}, "1"],
    [
      "{% switch 2 %}{% case 2 %}{% set y = 'two' %}{% default %}{% set y = 'other' %}{% endswitch %}{{ y }}",
      {},
      "two"
    ],
    [
      "{% set x %}a{{ 1 + 1 }}{% for y in 'bc' %}{{ y }}{% endfor %}{% endset %}[{{ x }}{{ x|length }}]",
      {},
      "[a2bc4]"
    ],
    ["{% set x %}{% endset %}[{{ x }}]{{ x is string }}", {}, "[]true"],
    ["{% set a = d.x %}ok{{ a|default('-') }}", { d: {} }, "ok-"],
    ["{% set x = x|default('d') %}{{ x }}", {}, "d"]
  ])
  misses([
    ["{% set a = d.x %}{{ a }}{{ a.b }}", { d: {} }, ["d.x"]],
    ["{% set a = d.x|upper %}{% set b = a ~ d.y %}{{ b }}", { d: {} }, ["d.x"]],
    ["{% set a = [d.x] %}{{ a|length }}{{ a }}", { d: {} }, ["d.x"]],
    ["{% if 0 %}{% set y = 1 %}{% endif %}{{ y }}", {}, ["y"]]
  ])
})

describe("macro", () => {
  gives([
    [
      "{% macro hi(name) %}Hi {{ name }}!{% endmacro %}{{ hi('Bo') }}{{ hi(name='Al')|upper }}",
      {},
      "Hi Bo!HI AL!"
    ],
    [
      "{% macro m(a, b=2, c=a + b) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }}",
      {},
      "123 134"
    ],
    ["{% macro m(a, b=2, c=3) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1, c=0) }}", {}, "120"],
    ["{% macro m(a, b='b') %}{{ a }}{{ b }}{% endmacro %}{{ m(b='y', a='x') }}", {}, "xy"],
    [
      "{% macro m(a) %}{{ a is defined }} {{ a|default('-') }} {% endmacro %}{{ m() }}{{ m(1) }}{{ m(d.x) }}",
      { d: {} },
      "false - true 1 false - "
    ],
    ["{% macro m(a='x') %}{{ a }}{% endmacro %}{{ m('') }}{{ m(0) }}{{ m(false) }}", {}, "0false"],
    ["{% macro f(n) %}{{ n * f(n - 1)|int if n > 1 else 1 }}{% endmacro %}{{ f(5) }}", {}, "120"],
    ["{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}b{% endmacro %}{{ a() }}", {}, "b"],
    ["{% set x = 1 %}{% macro m() %}{{ x }}{% set x = 2 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}", {}, "121"],
    ["{% macro m() %}{{ x|default('-') }}{% endmacro %}{% for x in [1] %}{{ m() }}{% endfor %}", {}, "-"],
    [
      "{% macro m(x) %}{% for y in x %}{{ y }}{{ g }}{% endfor %}{% endmacro %}{{ m('ab') }}",
      { g: "!" },
      "a!b!"
    ],
    [
      "{% macro m() %}a{% endmacro %}{% set t = m() ~ 'b' %}{{ t }}{% if m() == 'a' %}c{% endif %}",
      {},
      "abc"
    ],
    ["a{% macro m() %}b{% endmacro %}c", {}, "ac"],
    ["{% macro m() %}{{ x|default('-') }}{% endmacro %}{{ m() }}{% set x = 1 %}{{ m() }}", {}, "-1"],
    ["{% macro range() %}mine{% endmacro %}{{ range() }}", {}, "mine"]
  ])
  misses([
    ["{{ m() }}{% macro m() %}a{% endmacro %}", {}, ["m"]],
    ["{% macro m() %}a{% endmacro %}{{ m }}", {}, ["m"]],
    ["{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m() }}{{ m(b=1) }}", {}, ["m(a)", "m(b)"]],
    ["{% macro m(a) %}{{ a }}{% endmacro %}{{ m(d.x) }}", { d: {} }, ["d.x"]],
    ["{% macro m(a=1) %}{{ a }}{% endmacro %}{{ m(d.x) }}", { d: {} }, ["d.x"]],
    ["{% macro m(a=d.x) %}{{ a }}{% endmacro %}{{ m() }}{{ m(1) }}", { d: {} }, ["d.x"]]
  ])
})

describe("call", () => {
  const box = "{% macro box(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}"
  const twice =
    "{% macro twice() %}{% call box('i') %}{{ caller() }}{{ caller() }}{% endcall %}{% endmacro %}"
  const each = "{% macro each(xs) %}{% for x in xs %}{{ caller(x, loop.index) }};{% endfor %}{% endmacro %}"
  gives([
    [`${box}{% call box('b') %}hi {{ name }}{% endcall %}`, { name: "Bo" }, "<b>hi Bo</b>"],
    [`${box}{% call box(t='b') %}x{% endcall %}`, {}, "<b>x</b>"],
    [`${box}{% call box('a') %}{% call box('b') %}x{% endcall %}{% endcall %}`, {}, "<a><b>x</b></a>"],
    [`${each}{% call(x, i) each('ab') %}{{ i }}{{ x }}{% endcall %}`, {}, "1a;2b;"],
    [`${each}{% call(x, i, z='!') each('ab') %}{{ x }}{{ z }}{% endcall %}`, {}, "a!;b!;"],
    [`${each}{% call(x, i, z) each('a') %}{{ z is defined }}{% endcall %}`, {}, "false;"],
    [
      `${each}{% for o in 'pq' %}{% call(x, i) each('ab') %}{{ o }}{{ x }}{% endcall %}{% endfor %}`,
      {},
      "pa;pb;qa;qb;"
    ],
    [
      `${each}{% set n = 0 %}{% call(x, i) each('ab') %}{% set n = n + i %}{{ n }}{% endcall %}{{ n }}`,
      {},
      "1;3;3"
    ],
    [
      `${each}{% call(x, i) each('ab') %}{% set y = x %}{{ y }}{% endcall %}{{ y|default('-') }}`,
      {},
      "a;b;-"
    ],
    [
      "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}{% call m() %}{% endcall %}",
      {},
      "falsetrue"
    ],
    [`${box}${twice}{% call twice() %}x{% endcall %}`, {}, "<i>xx</i>"]
  ])
  misses([
    [`${box}{{ box('b') }}`, {}, ["caller"]],
    [`${box}{{ box('b') }}`, { caller: 1 }, ["caller"]],
    [`${box}{% set caller = 1 %}{{ box('b') }}`, {}, ["caller"]],
    [`${box}{% call box('b') %}{{ d.x }}{% endcall %}{{ d.y }}`, { d: {} }, ["d.x", "d.y"]]
  ])
  misfits([
    [
      "{% macro m() %}{% set caller = 1 %}{{ caller() }}{% endmacro %}{{ m() }}",
      {},
      "1:45",
      "caller is no caller"
    ],
    [
      "{% macro m() %}{{ caller }}{% endmacro %}{% call m() %}{% endcall %}",
      {},
      "1:16",
      "a function has no text"
    ],
    [
      "{% macro m() %}{{ caller.next() }}{% endmacro %}{% call m() %}{% endcall %}",
      {},
      "1:30",
      "helper cannot be called like this"
    ]
  ])
})

describe("filter blocks, switch, raw and comments", () => {
  const pick =
    "{% switch x %}{% case 1 %}one{% case 2 %}{% case 3 %}few{% case n %}n{% default %}many{% endswitch %}"
  gives([
    ["{% filter upper %}a{{ x }}{% if x %}c{% endif %}{% endfilter %}", { x: "b" }, "ABC"],
    ["{% filter replace('a', x) %}banana{% endfilter %}", { x: "o" }, "bonono"],
    ["{% filter indent(width=2) %}a\nb{% endfilter %}", {}, "a\n  b"],
    ["{% filter upper %}a{% filter trim %} b {% endfilter %}{% endfilter %}", {}, "AB"],
    ["{% filter length %}{% endfilter %}", {}, "0"],
    [pick, { x: 1, n: 9 }, "one"],
    [pick, { x: 2, n: 9 }, "few"],
    [pick, { x: 3, n: 9 }, "few"],
    [pick, { x: 9, n: 9 }, "n"],
    [pick, { x: "1", n: 9 }, "many"],
    ["[{% switch x %}{% case 1 %}one{% endswitch %}]", { x: 2 }, "[]"],
    ["{% switch x %}{% case 1 %}{% case 2 %}{% default %}rest{% endswitch %}", { x: 1 }, "rest"],
    ["[{% switch x %}{% case 1 %}{% endswitch %}]", { x: 1 }, "[]"],
    ["{% switch x %}{% case [1] %}list{% case {'a': 1} %}object{% endswitch %}", { x: { a: 1 } }, "object"],
    ["{% switch x %} {% case 1 %}one{% endswitch %}", { x: 1 }, "one"],
    ["{% raw %}{{ a }}{% if %}{# b #}{% endraw %}", {}, "{{ a }}{% if %}{# b #}"],
    ["{% verbatim %}{{ a }}{% endverbatim %}b", {}, "{{ a }}b"],
    ["{% raw %}a{% raw %}b{% endraw %}c{% endraw %}d", {}, "a{% raw %}b{% endraw %}cd"],
    ["{% raw %}{% endverbatim %}{% raw x %}{% endraw %}", {}, "{% endverbatim %}{% raw x %}"],
    ["{% verbatim %}{% raw %}{% endverbatim %}", {}, "{% raw %}"],
    ["{% raw %}a{% endraw %}{{ 1 }}\n{% raw %}b{%endraw%}", {}, "a1\nb"],
    ["a{# {{ b }} {% if %} #}c{##}d", {}, "acd"],
    ["{# a\nb #}", {}, ""]
  ])
  it.effect("a place after raw and comments counts their lines", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(makeTemplate("{% raw %}\n\n{% endraw %}{# \n #}\n {{ 1|nope }}"))
      assert.strictEqual(placed(error), "TemplateForbidden 5:7 there is no filter 'nope'")
    })
  )
})

describe("white space", () => {
  gives([
    ["a {{ 1 }} b\n{% if 1 %}\n c\n{% endif %}\n", {}, "a 1 b\n\n c\n\n"],
    ["a \n {%- if 1 %} b {% endif -%} \n c", {}, "a b c"],
    ["a {% if 1 -%} b {%- endif %} c", {}, "a b c"],
    ["a \t{{- 1 -}}\n\n b", {}, "a1b"],
    ["a {{- 1 }} b", {}, "a1 b"],
    ["a {{ 1 -}} b", {}, "a 1b"],
    ["a {#- x -#} b", {}, "ab"],
    ["a {#- x #} b", {}, "a b"],
    ["a {# x -#} b", {}, "a b"],
    ["a {#--#} b", {}, "ab"],
    ["a {{ 1 -}}{{ 2 }} b", {}, "a 12 b"],
    ["{{ 1 -}}{# x #} b", {}, "1 b"],
    ["{{ 1 -}} {{- 2 }}", {}, "12"],
    ["a {%- raw -%} b {%- endraw -%} c", {}, "abc"],
    ["a {% raw %} b {% endraw %} c", {}, "a  b  c"],
    ["{% raw -%} {%- raw -%} b {%- endraw -%} {%- endraw %}c", {}, "{%- raw -%} b {%- endraw -%}c"],
    ["a {%- set x %} b {% endset -%} c{{ x }}", {}, "ac b "],
    ["{{ 3 -1 }}{{ 3 - 1 }}{{-1 }}{{ -1 }}", {}, "221-1"],
    ["{% for x in 'ab' -%}\n  {{ x }}\n{%- endfor %}", {}, "ab"],
    ["\u00a0\n{{- 1 }}", {}, "1"]
  ])
})

describe("templates that make no sense", () => {
  refuses("TemplateSyntaxError", [
    ["{{ }}", "1:4", "unexpected token: }}"],
    ["{{ a", "1:5", "expected variable end"],
    ["{{ a b }}", "1:6", "expected variable end"],
    ["a\nb {{ 1 2 }}", "2:8", "expected variable end"],
    ["{{ 'abc }}", "1:4", "this text has no closing quote"],
    ['{{ "abc\\', "1:4", "this text has no closing quote"],
    ["{{ (1] }}", "1:6", "unexpected ']'"],
    ["{{ [1) }}", "1:6", "unexpected ')'"],
    ["{{ {a: 1] }}", "1:9", "unexpected ']'"],
    ["{{ 1) }}", "1:5", "unexpected ')'"],
    ["{{ [1 2] }}", "1:4", "parseAggregate: expected comma after expression"],
    ["{{ {a 1} }}", "1:4", "parseAggregate: expected colon after dict key"],
    ["{{ [1, }}", "1:4", "'[' is not closed before '}}' ends the tag"],
    ["{{ ..a }}", "1:5", "an expression is expected here"],
    ["{{ a[] }}", "1:5", "an expression is expected here"],
    ["{{ a[1, 2] }}", "1:12", "invalid index"],
    ["{{ a. }}", "1:7", "expected name as lookup value, got }}"],
    ["{{ a| }}", "1:7", "expected symbol, got variable-end"],
    ["{{ 1 + }}", "1:8", "unexpected token: }}"],
    ["{{ a not b }}", "1:11", "'in' is expected after 'not'"],
    ["a\n{# b }}\n\n", "2:1", "this comment is not closed"],
    ["{#}", "1:1", "this comment is not closed"],
    ["{{ 1e5 }}", "1:4", "a name is expected here"],
    ["{{ a;b }}", "1:4", "a name is expected here"],
    ["{{ $a }}", "1:4", "a name is expected here"],
    ["{{ a@() }}", "1:4", "a name is expected here"],
    ["{% set a@b = 1 %}", "1:8", "a name is expected here"],
    ["{% set 'a' = 1 %}", "1:8", "a name is expected here"],
    ["{% set a.b = 1 %}", "1:9", "a name is expected here"],
    ["{% for true in a %}{% endfor %}", "1:13", "parseFor: variable name expected for loop"],
    ["{% for a, 1 in b %}{% endfor %}", "1:11", "a name is expected here"],
    ["{% macro 'm'() %}{% endmacro %}", "1:10", "a name is expected here"],
    ["{% macro m('a') %}{% endmacro %}", "1:12", "a name is expected here"],
    ["{% macro m('a'=1) %}{% endmacro %}", "1:12", "a name is expected here"],
    ["{% macro m(a) %}{% endmacro %}{{ m('a'=1) }}", "1:36", "a name is expected here"],
    ["{% macro m %}{% endmacro %}", "1:12", "expected arguments"],
    ["{% if %}{% endif %}", "1:7", "unexpected token: %}"],
    ["{% if a %}", "1:11", "parseIf: expected elif, else, or endif, got end of file"],
    ["{% for a in b %}", "1:17", "unexpected end of file"],
    ["{% for a b %}{% endfor %}", "1:4", 'parseFor: expected "in" keyword for loop'],
    ["{% set a %}", "1:12", "unexpected end of file"],
    ["{% set a 1 %}", "1:4", "parseSet: expected = or block end in set tag"],
    ["{% filter upper %}", "1:19", "unexpected end of file"],
    ["{% endif %}", "1:4", "unknown block tag: endif"],
    ["{% if a %}{% endfor %}{% endif %}", "1:14", "unknown block tag: endfor"],
    ["{% nope %}", "1:4", "unknown block tag: nope"],
    ["{% 1 %}", "1:4", "tag name expected"],
    ["{% if 1 }}", "1:11", "expected block end in if statement"],
    ["{%", "1:3", "the template ends too early"],
    ["{{ a.", "1:6", "the template ends too early"],
    ["{{ (1", "1:6", "the template ends too early"],
    ["a\n{{ b|", "2:6", "the template ends too early"],
    ["{% raw %}a", "1:8", "expected endraw, got end of file"],
    ["{% raw %}{% raw %}{% endraw %}", "1:8", "expected endraw, got end of file"],
    ["{% verbatim %}{% endraw %}", "1:13", "expected endverbatim, got end of file"],
    ["a {# b", "1:3", "this comment is not closed"]
  ])
})

describe("templates that use what they may not", () => {
  refuses("TemplateForbidden", [
    ["{% include 'a' %}", "1:4", "'include' is not supported"],
    ["{% import 'a' as b %}", "1:4", "'import' is not supported"],
    ["{% from 'a' import b %}", "1:4", "'from' is not supported"],
    ["a\n  {% extends 'a' %}", "2:6", "'extends' is not supported"],
    ["{% block a %}{% endblock %}", "1:4", "'block' is not supported"],
    ["{% asyncEach a in b %}{% endeach %}", "1:4", "'asyncEach' is not supported"],
    ["{% asyncAll a in b %}{% endall %}", "1:4", "'asyncAll' is not supported"],
    ["{% ifAsync a %}{% endif %}", "1:4", "'ifAsync' is not supported"],
    ["{{ super() }}", "1:9", "there is no function 'super'"],
    ["{{ a|nope }}", "1:6", "there is no filter 'nope'"],
    ["{{ a|toString }}", "1:6", "there is no filter 'toString'"],
    ["{{ a|b.c }}", "1:6", "there is no filter 'b.c'"],
    ["{% filter nope %}{% endfilter %}", "1:11", "there is no filter 'nope'"],
    ["{{ a is nope }}", "1:9", "there is no test 'nope'"],
    ["{{ a is nope(1) }}", "1:13", "there is no test 'nope'"],
    ["{{ a is constructor }}", "1:9", "there is no test 'constructor'"],
    ["{{ a is 5 }}", "1:9", "there is no test '5'"],
    ["{{ nope() }}", "1:8", "there is no function 'nope'"],
    ["{{ constructor() }}", "1:15", "there is no function 'constructor'"],
    ["{% for f in a %}{{ f() }}{% endfor %}", "1:21", "there is no function 'f'"],
    ["{% call m() %}{% endcall %}", "1:10", "there is no macro 'm' to call"],
    ["{% call range(1) %}{% endcall %}", "1:14", "there is no macro 'range' to call"],
    ["{{ range(stop=1) }}", "1:9", "'range' takes no named arguments"],
    ["{% macro m() %}{{ caller(a=1) }}{% endmacro %}", "1:25", "'caller' takes no named arguments"],
    ["{{ a|join(nope='') }}", "1:6", "filter 'join' takes no argument 'nope'"],
    ["{{ a|join('', separator='') }}", "1:6", "filter 'join' is given 'separator' twice"],
    ["{{ a|join(attribute='', attribute='') }}", "1:6", "filter 'join' is given 'attribute' twice"],
    ["{{ a|upper(1) }}", "1:6", "filter 'upper' takes at most 0 arguments"],
    ["{{ a|join(1, 2, 3) }}", "1:6", "filter 'join' takes at most 2 arguments"],
    ["{{ a|replace('a') }}", "1:6", "filter 'replace' needs the argument 'new'"],
    ["{{ a|replace(new='a') }}", "1:6", "filter 'replace' needs the argument 'old'"],
    ["{{ a|batch }}", "1:6", "filter 'batch' needs the argument 'size'"],
    ["{{ a|slice }}", "1:6", "filter 'slice' needs the argument 'slices'"],
    ["{{ a|groupby }}", "1:6", "filter 'groupby' needs the argument 'attribute'"],
    ["{{ a|selectattr }}", "1:6", "filter 'selectattr' needs the argument 'attribute'"],
    ["{{ a|rejectattr }}", "1:6", "filter 'rejectattr' needs the argument 'attribute'"],
    ["{{ a is divisibleby }}", "1:4", "test 'divisibleby' needs the argument 'number'"],
    ["{{ a is sameas }}", "1:4", "test 'sameas' needs the argument 'other'"],
    ["{{ a is even(1) }}", "1:4", "test 'even' takes at most 0 arguments"],
    ["{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "1:35", "macro 'm' takes at most 1 arguments"],
    ["{% macro m(a) %}{% endmacro %}{{ m(b=1) }}", "1:35", "macro 'm' takes no argument 'b'"],
    ["{% macro m(a) %}{% endmacro %}{{ m(1, a=1) }}", "1:35", "macro 'm' is given 'a' twice"],
    ["{{ a.b() }}", "1:7", "only macros and the listed functions can be called; a filter may do the same"],
    [
      "{{ a['b']() }}",
      "1:10",
      "only macros and the listed functions can be called; a filter may do the same"
    ],
    [
      "{{ a[next]() }}",
      "1:11",
      "only macros and the listed functions can be called; a filter may do the same"
    ],
    [
      "{{ a.next(b=1) }}",
      "1:10",
      "only macros and the listed functions can be called; a filter may do the same"
    ],
    ["{{ 'a'() }}", "1:7", "only macros and the listed functions can be called; a filter may do the same"],
    [
      "{{ range(1)() }}",
      "1:12",
      "only macros and the listed functions can be called; a filter may do the same"
    ],
    ["{{ r/a/g }}", "1:4", "regular expressions are not allowed"],
    ["{{ 9007199254740992 }}", "1:4", "this number is too large"],
    [`{{ 1${"0".repeat(400)} }}`, "1:4", "this number is too large"],
    ["{{ {1: 2} }}", "1:5", "the keys of an object must be texts or names"],
    ["{{ {a.b: 2} }}", "1:6", "the keys of an object must be texts or names"],
    ["{% set a, b = 1 %}", "1:4", "'set' takes one name"],
    [
      "{% if 1 %}{% macro m() %}{% endmacro %}{% endif %}",
      "1:14",
      "a macro must be defined at the top level of the template"
    ],
    ["{% macro m() %}{% endmacro %}\n{% macro m() %}{% endmacro %}", "2:4", "there are two macros 'm'"],
    ["{% macro m(a, a) %}{% endmacro %}", "1:4", "there are two parameters 'a'"],
    ["{% macro m(a, a=1) %}{% endmacro %}", "1:4", "there are two parameters 'a'"]
  ])

  const times = (count: number, open: string, inner: string, close = "") =>
    open.repeat(count) + inner + close.repeat(count)
  const nested: ReadonlyArray<readonly [what: string, source: (levels: number) => string, fits: number]> = [
    ["parentheses", (levels) => `{{ ${times(levels, "(", "1", ")")} }}`, 30],
    ["lists", (levels) => `{{ ${times(levels, "[", "1", "]")} }}`, 30],
    ["objects", (levels) => `{{ ${times(levels, "{a: ", "1", "} ")} }}`, 30],
    ["index brackets", (levels) => `{{ ${times(levels, "a[", "0", "]")} }}`, 30],
    ["if blocks", (levels) => times(levels, "{% if 1 %}", "x", "{% endif %}"), 45],
    ["for blocks", (levels) => times(levels, "{% for a in b %}", "x", "{% endfor %}"), 90],
    ["filter blocks", (levels) => times(levels, "{% filter trim %}", "x", "{% endfilter %}"), 30],
    ["elif chains", (levels) => `{% if 1 %}${times(levels, "{% elif 1 %}", "")}{% endif %}`, 90],
    ["filters", (levels) => `{{ 1${times(levels, "|trim", "")} }}`, 90],
    ["sums", (levels) => `{{ 1${times(levels, " + 1", "")} }}`, 90],
    ["attributes", (levels) => `{{ a${times(levels, ".b", "")} }}`, 90],
    ["signs", (levels) => `{{ ${times(levels, "- ", "1")} }}`, 90],
    ["negations", (levels) => `{{ ${times(levels, "not ", "1")} }}`, 90]
  ]
  for (const [what, source, fits] of nested) {
    it.effect(`${what} may nest ${fits} deep, but not over ${MAX_NESTING}`, () =>
      Effect.gen(function* () {
        yield* makeTemplate(source(fits))
        const errors = yield* Effect.forEach([MAX_NESTING + 1, 5_000], (levels) =>
          Effect.flip(makeTemplate(source(levels)))
        )
        for (const { _tag, reason } of errors) {
          assert.strictEqual(_tag, "TemplateForbidden")
          assert.strictEqual(reason, `nested deeper than ${MAX_NESTING} levels`)
        }
      })
    )
  }

  it.effect(
    "brackets that nest too deep are refused where they do, and so is a template that ends there",
    () =>
      Effect.gen(function* () {
        const brackets = yield* Effect.flip(makeTemplate(`{{ ${"{".repeat(MAX_NESTING + 1)}`))
        assert.strictEqual(placed(brackets), "TemplateForbidden 1:104 nested deeper than 100 levels")
        const error = yield* Effect.flip(makeTemplate(`{{${" not".repeat(3 * MAX_NESTING - 2)}`))
        assert.strictEqual(placed(error), "TemplateForbidden 1:1195 nested deeper than 100 levels")
      })
  )

  it.effect(`a macro and the block of a call may have ${MAX_PARAMETERS} parameters and not one more`, () =>
    Effect.gen(function* () {
      const sources = (count: number) => {
        const names = Array.from({ length: count }, (_, index) => `a${index}`).join()
        return [
          `{% macro m(${names}) %}{% endmacro %}`,
          `{% macro m() %}{% endmacro %}{% call(${names}) m() %}{% endcall %}`
        ]
      }
      for (const source of sources(MAX_PARAMETERS)) yield* makeTemplate(source)
      for (const source of sources(MAX_PARAMETERS + 1)) {
        const { _tag, reason } = yield* Effect.flip(makeTemplate(source))
        assert.strictEqual(_tag, "TemplateForbidden")
        assert.strictEqual(reason, `there are more than ${MAX_PARAMETERS} parameters`)
      }
    })
  )

  it.effect(`a source may have ${MAX_SOURCE_BYTES} bytes of UTF-8 and not one more`, () =>
    Effect.gen(function* () {
      const largest = "é".repeat(MAX_SOURCE_BYTES / 2)
      assert.strictEqual(yield* render(largest), largest)
      const error = yield* Effect.flip(makeTemplate(`${largest}a`))
      assert.strictEqual(placed(error), "TemplateForbidden 1:1 larger than 204800 bytes")
    })
  )
})

describe("what is missing", () => {
  misses([
    ["{{ x }}{{ y }}{{ x }}", {}, ["x", "y"]],
    [
      "{% if 0 %}{{ a }}{% else %}{% for i in [] %}{{ b }}{% endfor %}{% endif %}{{ 1 or c }}",
      {},
      ["a", "b", "c"]
    ],
    ["{% if a %}{{ b.c }}{% else %}{{ d }}{% endif %}{{ e.f }}", { a: 1, b: {}, e: {} }, ["d", "b.c", "e.f"]],
    ["{{ a.b }}{{ a.c.d }}{{ a.e|upper }}{{ z }}", { a: { c: {} } }, ["z", "a.b", "a.c.d", "a.e"]],
    ["{{ a.b < 1 }}{{ 1 < a.c }}{{ a.d is gt(1) }}", { a: {} }, ["a.b", "a.c", "a.d"]],
    ["{{ 1 + 'a' }}{{ x }}", {}, ["x"]],
    ["{{ a.b }}{{ 1 + 'a' }}", { a: {} }, ["a.b"]],
    ["{% set y = x %}{% set z = y %}{{ z }}", {}, ["x"]],
    ["{% for i in [a.b, a.c] %}{{ i }}{% endfor %}", { a: {} }, ["a.b", "a.c"]],
    [
      "{% if a.b %}{% endif %}{{ a.c == 1 }}{{ a.d in [1] }}{{ -a.e }}{{ not a.f }}",
      { a: {} },
      ["a.b", "a.c", "a.d", "a.e", "a.f"]
    ],
    [
      "{{ 'x' ~ a.b }}{{ a.c + 1 }}{{ 1 + a.g }}{{ 1 in a.d }}{{ 1 < a.e }}{{ [a.f] }}",
      { a: {} },
      ["a.b", "a.c", "a.g", "a.d", "a.e", "a.f"]
    ],
    [
      "{% switch a.b %}{% case 1 %}{% endswitch %}{% switch 1 %}{% case a.c %}{% endswitch %}",
      { a: {} },
      ["a.b", "a.c"]
    ],
    ["{{ toString }}{{ constructor }}{{ __proto__ }}", {}, ["toString", "constructor", "__proto__"]],
    ["{% if x is defined or x > 1 %}{% endif %}", {}, ["x"]],
    ["{% if x is defined and y %}{% endif %}", {}, ["y"]],
    ["{% if x is defined %}{% endif %}{{ x }}", {}, ["x"]],
    ["{{ (x ~ '')|default('d') }}", {}, ["x"]],
    [
      "{% macro m(a, b, c=1) %}{{ a }}{{ b.d ~ c }}{% endmacro %}{{ m(b={}) }}{{ x }}",
      {},
      ["x", "m(a)", "b.d"]
    ],
    ["{% macro m() %}{{ caller() }}{% endmacro %}{% call(x) m() %}{{ x }}{% endcall %}", {}, ["caller(x)"]]
  ])
  gives([
    ["{% if x is defined %}{{ x }}{% else %}-{% endif %}", {}, "-"],
    ["{% if x is not defined %}-{% else %}{{ x }}{% endif %}", {}, "-"],
    ["{% if x is undefined %}-{% else %}{{ x }}{% endif %}", { x: 1 }, "1"],
    ["{% if x is defined and x > 1 %}{{ x }}{% else %}-{% endif %}", {}, "-"],
    ["{% if x is not defined or x > 1 %}a{% else %}{{ x }}{% endif %}", {}, "a"],
    ["{{ x if x is defined else '-' }}{{ '-' if x is undefined else x }}", {}, "--"],
    ["{{ x is defined and x.y }}", {}, "false"],
    ["{{ x|default('d') }}{{ x|default(y)|upper }}", { y: "e" }, "dE"],
    ["{{ a.b|default('d') }}{% if a.b is defined and a.b > 1 %}{% endif %}", { a: {} }, "d"],
    ["{% set y = a.b %}{% if y is defined %}{{ y }}{% else %}-{% endif %}", { a: {} }, "-"],
    ["{{ a and a.b }}{{ 1 if 1 else a.b }}", { a: 0 }, "01"],
    ["{% if x|default('') %}{{ x }}{% else %}-{% endif %}", {}, "-"],
    ["{% macro m() %}{{ a }}{% endmacro %}{% set a = 1 %}{{ m() }}", {}, "1"]
  ])
  misses([["{% macro m() %}{{ a }}{% endmacro %}{{ m() }}{% set a = 1 %}", {}, ["a"]]])
  it.effect("names at most a hundred", () =>
    Effect.gen(function* () {
      const names = Array.from({ length: 150 }, (_, index) => `v${index}`)
      const source = names.map((name) => `{{ ${name} }}`).join("")
      assert.deepStrictEqual(yield* missing(source, {}), names.slice(0, 100))
    })
  )
})

describe("the variables of a template", () => {
  const macro = "{% macro m() %}{{ caller() }}{% endmacro %}"
  takes([
    ["plain {# {{ a }} #}{% raw %}{{ b }}{% endraw %}", ""],
    ["{{ b }}{{ a.c }}{{ b }}", "b a"],
    ["{{ a[b].c|join(d) if e is eq(f) else [g, {'h': i}] }}", "e f a b d g i"],
    ["{{ -a + b ~ c < d == e }}{{ f in g }}{{ not h }}", "a b c d e f g h"],
    ["{{ range(a) }}{{ None }}{{ True }}", "a"],
    ["{{ a|default(1) }}{{ b|d(c) }}", "a? b? c"],
    ["{{ a|default(1) }}{{ a }}", "a"],
    ["{{ a.b|default(1) }}{{ (a ~ 1)|default(2) }}", "a"],
    ["{{ a is defined }}{{ b is undefined }}{{ c is none }}{{ d is sameas(e) }}", "a? b? c? d? e"],
    ["{{ f is even }}{{ g.h is defined }}{{ i is iterable }}", "f g i"],
    ["{% if a is defined %}{{ a }}{% else %}{{ b }}{% endif %}", "a? b"],
    ["{% if a is defined %}{% else %}{{ a }}{% endif %}", "a"],
    ["{% if a is not defined %}{% else %}{{ a }}{% endif %}", "a?"],
    ["{% if a is undefined %}{{ a }}{% endif %}", "a"],
    ["{% if a is not undefined %}{{ a }}{% endif %}", "a?"],
    ["{% if a is string %}{{ a }}{% elif a is number %}{{ a + b }}{% endif %}", "a? b"],
    ["{% if a is sameas(none) %}{{ a }}{% endif %}", "a"],
    ["{% if a is defined and b is defined %}{{ a }}{{ b }}{% endif %}", "a? b?"],
    ["{% if a is defined and b is defined %}{% else %}{{ a }}{% endif %}", "a b?"],
    ["{% if a is defined or b is defined %}{{ a }}{% endif %}", "a b?"],
    ["{% if a is undefined or b is undefined %}{% else %}{{ a }}{{ b }}{% endif %}", "a? b?"],
    ["{% if a is undefined and a is none %}{% else %}{{ a }}{% endif %}", "a"],
    ["{% if (a is defined and b) or (a is defined and c) %}{{ a }}{% endif %}", "a? b c"],
    ["{% if (a is undefined and b) and (a is undefined) %}{% else %}{{ a }}{% endif %}", "a b"],
    ["{% if not (a is defined) or not a %}{% endif %}", "a?"],
    ["{{ a is defined and a > 1 }}{{ b is not defined or b }}{{ c or c is defined }}", "a? b? c"],
    ["{{ a if a is defined else b }}{{ c if d is defined }}", "a? b d? c"],
    ["{% if a|default %}{{ a }}{% endif %}{% if b|default('') and b > 1 %}{{ b }}{% endif %}", "a? b?"],
    ["{{ a if a|default(0) }}{{ b if b|d(none) }}{{ c if c|d([], true) }}{{ e if e|d({}) }}", "a? b? c? e?"],
    ["{{ a if a|default(1) }}{{ b if b|d(c) }}{{ d if d.e|d('') }}{{ f if not f|d('') }}", "a b c d f"],
    ["{% if a.b is defined %}{{ a.b }}{% endif %}", "a"],
    ["{% set a = b %}{{ a }}", "b"],
    ["{{ a }}{% set a = 1 %}", "a"],
    ["{% set a = a|default(1) %}{{ a }}", "a?"],
    ["{% if x %}{% set a = 1 %}{% endif %}{{ a }}", "x a?"],
    ["{% if x %}{% set a = 1 %}{% else %}{% set a = 2 %}{% endif %}{{ a }}", "x"],
    ["{% if x %}{% set a = 1 %}{% else %}{% set b = 2 %}{% endif %}{{ a }}{{ b }}", "x a? b?"],
    ["{% if x %}{% if y %}{% set a = 1 %}{% endif %}{% endif %}{{ a }}", "x y a?"],
    ["{% set a %}{{ b }}{% set c = 1 %}{% endset %}{{ a }}", "b"],
    ["{% for a in b %}{{ a }}{{ c }}{{ loop.index }}{% else %}{{ e }}{% endfor %}{{ a }}", "b c e a"],
    ["{% for a in b %}{% set d = 1 %}{{ d }}{% endfor %}{{ d }}", "b d"],
    ["{% for a, b in c if a > d %}{{ b }}{% endfor %}", "c d"],
    ["{% for a in b if c is defined %}{{ c }}{% endfor %}{{ loop }}", "b c? loop"],
    ["{% for a in a %}{{ a }}{% endfor %}", "a"],
    [
      "{% macro m(a, b=c) %}{{ a }}{{ b }}{{ d }}{{ caller }}{% endmacro %}{{ m(e, b=f) }}{{ m }}",
      "c d e f m"
    ],
    ["{% set a = 1 %}{% macro m() %}{{ a }}{% set b = 1 %}{% endmacro %}{{ b }}", "b"],
    ["{% macro m() %}{{ a }}{% endmacro %}{% set a = 1 %}{{ m() }}", "a?"],
    ["{% macro m() %}{{ a }}{% endmacro %}{% if b %}{% set a = 1 %}{% endif %}{{ m() }}", "a? b"],
    ["{% macro m() %}{{ a }}{% endmacro %}{% for b in c %}{% set a = 1 %}{% endfor %}", "a c"],
    ["{% macro m() %}{{ caller(a) }}{% endmacro %}", "a"],
    [`${macro}{% call(b, c=d) m() %}{{ b }}{{ c }}{{ e }}{% endcall %}{{ b }}`, "d e b"],
    [`${macro}{% call m() %}{% set f = 1 %}{{ f }}{% endcall %}{{ f }}`, "f"],
    [
      "{% switch a %}{% case b %}{% set c = 1 %}{% default %}{% set c = 2 %}{{ d }}{% endswitch %}{{ c }}",
      "a b d"
    ],
    ["{% switch a %}{% case 1 %}{% set c = 1 %}{% endswitch %}{{ c }}", "a c?"],
    ["{% filter replace(a, b) %}{{ c }}{% endfilter %}", "c a b"],
    ["{% set c = cycler(a) %}{{ c.next() }}{{ d.next() }}", "a d"]
  ])
})

describe("limits", () => {
  const loop = "{% for i in range(n) %}{{ i }}{% endfor %}"
  const levels = (depth: number): Json => (depth === 0 ? 1 : [levels(depth - 1)])
  const layers = (depth: number): Json => (depth === 0 ? 1 : { a: layers(depth - 1) })
  const echo = "{% macro m(n) %}{{ m(n - 1) if n > 0 else 'end' }}{% endmacro %}{{ m(n) }}"

  it.effect("steps", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* limitOf(loop, { n: 1_000_000 }), "steps 400000")
      assert.strictEqual(yield* limitOf(loop, { n: 9_000 }, { limits: { steps: 10_000 } }), "steps 10000")
      assert.strictEqual((yield* limitOf(loop, { n: 9_000 })).length, 34_890)
    })
  )

  for (const [source, variables] of [
    ["{% for i in range(n) %}{% for j in range(n) %}{% endfor %}{% endfor %}", { n: 3_000 }],
    ["{{ range(n)|length }}", { n: 10 ** 9 }],
    ["{{ [1] * n }}", { n: 10 ** 15 }],
    ["{% set xs = [1] %}{% for i in range(40) %}{% set xs = xs + xs %}{% endfor %}", {}],
    [
      "{% set xs = [1] %}{% for i in range(40) %}{% set xs = [xs, xs] %}{% endfor %}{{ xs == [xs] }}{{ xs }}",
      {}
    ],
    ["{% for i in range(n) %}{{ xs|sort|length }}{% endfor %}", { n: 9_000, xs: [3, 1, 2] }],
    ["{% for i in range(n) %}{% if xs|unique %}{% endif %}{% endfor %}", { n: 9_000, xs: [[1], [2], [3]] }],
    ["{% for i in range(n) %}{% if d|items %}{% endif %}{% endfor %}", { n: 90_000, d: { a: 1, b: 2 } }],
    ["{{ xs|select('in', xs)|length }}", { xs: Array.from({ length: 2_000 }, (_, index) => index) }]
  ] satisfies Rows<[string, Variables]>) {
    it.effect(`steps bound ${source}`, () =>
      Effect.gen(function* () {
        const options = { limits: { steps: 100_000, text: 1_000_000 }, now: () => 0 }
        assert.strictEqual(yield* limitOf(source, variables, options), "steps 100000")
      })
    )
  }

  for (const source of ["{{ s }}", "01234{% if 1 %}56789{% endif %}", "{{ s[0] }}123456789"]) {
    it.effect(`the text limit counts the characters of ${source}`, () =>
      Effect.gen(function* () {
        const within = (text: number) => limitOf(source, { s: "0123456789" }, { limits: { text } })
        assert.strictEqual(yield* within(10), "0123456789")
        assert.strictEqual(yield* within(9), "text 9")
      })
    )
  }

  for (const [source, variables] of [
    ["{% set s = 'aaaaaaaaaa' %}{% for i in range(40) %}{% set s = s ~ s %}{% endfor %}", {}],
    ["{% set s = 'aaaaaaaaaa' %}{% for i in range(40) %}{% set s = s + s %}{% endfor %}", {}],
    ["{{ 'ab' * 10 ** 15 }}", {}],
    ["{{ s|replace('', s)|length }}", { s: "a".repeat(5_000) }],
    ["{{ range(n)|join(s)|length }}", { n: 5_000, s: "a".repeat(5_000) }],
    ["{{ s|indent(1000)|length }}", { s: "\n".repeat(9_000) }],
    ["{% for i in range(n) %}{% if s|upper %}{% endif %}{% endfor %}", { n: 5_000, s: "a".repeat(5_000) }],
    ["{{ [s, s]|dump(10)|length }}", { s: "a".repeat(3_000_000) }],
    ["{% for i in range(9000) %}{% if ''|center(1000) %}{% endif %}{% endfor %}", {}]
  ] satisfies Rows<[string, Variables]>) {
    it.effect(`text is bounded in ${source}`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* limitOf(source, variables), "text 4000000")
      })
    )
  }

  it.effect("the nesting of values is bounded where they are printed and where they are compared", () =>
    Effect.gen(function* () {
      const limits = { depth: 3 }
      assert.strictEqual(yield* limitOf("{{ v }}", { v: levels(3) }, { limits }), "[[[1]]]")
      assert.strictEqual(yield* limitOf("{{ v }}", { v: levels(4) }, { limits }), "depth 3")
      assert.strictEqual(yield* limitOf("{{ v }}", { v: levels(501) }), "depth 500")
      for (const nest of [levels, layers]) {
        const compared = (depth: number) =>
          limitOf("{{ v == w }}", { v: nest(depth), w: nest(depth - 1) }, { limits })
        assert.strictEqual(yield* compared(4), "false")
        assert.strictEqual(yield* compared(5), "depth 3")
      }
    })
  )

  it.effect("calls of macros may nest, but not without end", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* limitOf(echo, { n: 40 }), "end")
      assert.strictEqual(yield* limitOf(echo, { n: 1_000_000 }), "depth 500")
      const call = "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{{ caller() }}{% endmacro %}"
      assert.strictEqual(yield* limitOf(`${call}{% call m() %}{% endcall %}`, {}), "depth 500")
    })
  )

  it.effect("a macro that ended gives its depth back", () =>
    Effect.gen(function* () {
      const source = "{% macro m() %}a{% endmacro %}{% for i in range(600) %}{{ m() }}{% endfor %}"
      assert.strictEqual(yield* limitOf(source, {}), "a".repeat(600))
    })
  )

  it.effect("time is held against the clock that is given", () =>
    Effect.gen(function* () {
      const ticking = () => {
        let time = 0
        return () => (time += 600)
      }
      assert.strictEqual(yield* limitOf(loop, { n: 40_000 }, { now: ticking() }), "time 1000")
      assert.strictEqual(
        yield* limitOf(loop, { n: 40_000 }, { now: ticking(), limits: { millis: 5_000 } }),
        "time 5000"
      )
      const still = yield* limitOf(loop, { n: 40_000 }, { now: () => 0, limits: { millis: 0 } })
      assert.strictEqual(still.length, 188_890)
    })
  )

  it.effect("a missing variable is told even where a limit is exceeded", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* missing(`${loop}{{ x }}`, { n: 1_000_000 }), ["x"])
    })
  )

  it.effect("a statement that is stopped for want of a variable is paid for", () =>
    Effect.gen(function* () {
      let now = 0
      const source = "{% for i in range(10000) %}{{ d.x }}{% endfor %}"
      yield* missing(source, { d: {} }, { now: () => now++ })
      assert.isAtLeast(now, 320_000 / 4_096)
    })
  )

  it.effect("a prompt of 100 KB with a loop over a thousand rows fits", () =>
    Effect.gen(function* () {
      const prose = "All work and no play makes a dull prompt. ".repeat(2_500)
      const row =
        "{{ loop.index }}. {{ row.title|upper }}{% if row.id is odd %} ({{ row.tags|join(', ') }}){% endif %}"
      const rows = Array.from({ length: 1_000 }, (_, id) => ({ id, title: `row ${id}`, tags: ["x", "y"] }))
      const printed = rows.map(({ id }) => `${id + 1}. ROW ${id}${id % 2 === 1 ? " (x, y)" : ""}\n`)
      const text = yield* render(`${prose}{% for row in rows %}${row}\n{% endfor %}`, { rows })
      assert.strictEqual(text, prose + printed.join(""))
    })
  )
})

describe("determinism", () => {
  const one = JSON.parse(
    '{"b": {"z": 1, "a": 2}, "a": [1], "B": 3, "10": 4, "9": 5, "é": 6, "😀": 7, "ﬀ": 8}'
  ) as Json
  const two = JSON.parse(
    '{"ﬀ": 8, "😀": 7, "é": 6, "9": 5, "10": 4, "B": 3, "a": [1], "b": {"a": 2, "z": 1}}'
  ) as Json
  const printed = '{"10":4,"9":5,"B":3,"a":[1],"b":{"a":2,"z":1},"é":6,"😀":7,"ﬀ":8}'
  const keys = "10 9 B a b é 😀 ﬀ"
  gives(
    [one, two].flatMap((d) => [
      ["{{ d }}", { d }, printed] as const,
      ["{% for k in d %}{{ k }}{{ '' if loop.last else ' ' }}{% endfor %}", { d }, keys] as const,
      ["{% for k, v in d %}{{ k }}{{ '' if loop.last else ' ' }}{% endfor %}", { d }, keys] as const,
      ["{{ d|list|join(' ') }}", { d }, keys] as const,
      ["{{ d|items|join(' ', '0') }}", { d }, keys] as const,
      ["{{ d|first }}{{ d|last }}", { d }, "10ﬀ"] as const
    ])
  )

  it.effect("rendering changes nothing in its variables", () =>
    Effect.gen(function* () {
      const variables = { xs: [3, [2], 1], ys: ["b", "a"], d: 1, e: { b: { c: [1] }, a: 1 }, n: 1 }
      const before = structuredClone(variables)
      const source =
        "{% set n = 2 %}{% set xs = xs + [n] %}{% for n in xs %}{% set d = n %}{% endfor %}{{ n }}{{ xs }}" +
        "{{ ys|sort }}{{ ys|reverse }}{{ ys|unique }}{{ ys|batch(3, '-') }}" +
        "{{ e|dictsort(true) }}{{ [e]|groupby('a') }}"
      assert.strictEqual(
        yield* render(source, variables),
        '2[3,[2],1,2]["a","b"]["a","b"]["b","a"][["b","a","-"]]' +
          '[["a",1],["b",{"c":[1]}]]{"1":[{"a":1,"b":{"c":[1]}}]}'
      )
      assert.deepStrictEqual(variables, before)
    })
  )

  it.effect("a template keeps nothing from one rendering to the next", () =>
    Effect.gen(function* () {
      const template = yield* makeTemplate(
        "{% if f %}{% set x = 1 %}{% endif %}{{ x|default('-') }}{% set c = cycler('a', 'b') %}{{ c.next() }}"
      )
      const texts = yield* Effect.forEach([true, false, true], (f) => template.render({ f }))
      assert.deepStrictEqual(texts, ["1a", "-a", "1a"])
    })
  )
})

describe("what the parser never makes", () => {
  const make = (type: string, line: number, column: number, ...fields: ReadonlyArray<unknown>) =>
    new nodes[type]!(line, column, ...fields)
  const refusal = (...statements: ReadonlyArray<Node>) => {
    try {
      return check(make("Root", 0, 0, statements))
    } catch (cause) {
      return placed(cause as TemplateForbidden)
    }
  }

  it("is refused where an expression is expected", () => {
    const error = refusal(make("Output", 1, 2, [make("Super", 3, 4)]))
    assert.strictEqual(error, "TemplateForbidden 4:5 'Super' is not supported here")
  })

  it("is refused where a statement is expected", () => {
    assert.strictEqual(refusal(make("Super", 1, 2)), "TemplateForbidden 2:3 'super' is not supported")
    assert.strictEqual(
      refusal(make("CallExtension", 1, 2, {})),
      "TemplateForbidden 1:1 'CallExtension' is not supported"
    )
  })

  it("is refused at the nearest place that is known", () => {
    const nowhere = undefined as unknown as number
    const error = refusal(make("Output", 1, 2, [make("Pair", nowhere, nowhere)]))
    assert.strictEqual(error, "TemplateForbidden 2:3 'Pair' is not supported here")
  })
})

describe("what is no error of a template", () => {
  it.effect("is a defect at registration", () =>
    Effect.gen(function* () {
      const defect = yield* makeTemplate(null as unknown as string).pipe(Effect.catchDefect(Effect.succeed))
      assert.instanceOf(defect, TypeError)
    })
  )

  it.effect("is a defect at rendering", () =>
    Effect.gen(function* () {
      let calls = 0
      const now = () => {
        if (calls++ > 0) throw new Error("the clock stopped")
        return 0
      }
      const defect = yield* render("{% for i in range(9000) %}{% endfor %}", {}, { now }).pipe(
        Effect.catchDefect(Effect.succeed)
      )
      assert.strictEqual(String(defect), "Error: the clock stopped")
    })
  )
})

describe("null is a value like any other", () => {
  gives([
    ["{% macro m(a=none) %}{{ a is none }}[{{ a }}]{% endmacro %}{{ m() }}{{ m(none) }}", {}, "true[]true[]"],
    ["{% macro m(a=1) %}{{ a is none }}{% endmacro %}{{ m(none) }}", {}, "true"],
    ["{{ (1 if false else none) is none }}", {}, "true"],
    ["{% set x = none %}{% macro m() %}{{ x is none }}{% endmacro %}{{ m() }}", {}, "true"],
    ["{{ (x|default(none)) is none }}{{ ('x'|int(none)) is none }}", {}, "truetrue"],
    ["{{ [1, 2]|sum(attribute=none) }}{{ [1, 2]|map(none)|join }}", {}, "312"]
  ])
})

describe("blocks with variables of their own", () => {
  gives([
    ["{% filter upper %}{% set y = 'a' %}{{ y }}{% endfilter %}", {}, "A"],
    ["{% set z %}{% set y = 'a' %}{{ y }}{% endset %}{{ z }}", {}, "a"],
    ["{% for x in [] %}{% else %}{% set c = 1 %}{{ c }}{% endfor %}", {}, "1"],
    ["{% set y = 1 %}{% filter upper %}{% set y = 2 %}{% endfilter %}{{ y }}", {}, "2"],
    [
      "{% macro twice() %}{{ caller() }}{{ caller() }}{% endmacro %}" +
        "{% call twice() %}{{ 'again' if x is defined else 'first' }} {% set x = 1 %}{% endcall %}",
      {},
      "first first "
    ],
    [
      "{% macro m(n) %}{{ caller(n) }}{% endmacro %}" +
        "{% macro down(n) %}{% call(i) m(n) %}{% if i > 0 %}{{ down(i - 1) }}{% endif %}{{ i }}{% endcall %}{% endmacro %}" +
        "{{ down(3) }}",
      {},
      "0123"
    ]
  ])
  takes([
    ["{% filter upper %}{% set y = 1 %}{{ y }}{% endfilter %}{{ y }}", "y"],
    ["{% set z %}{% set y = 1 %}{% endset %}{{ y }}{{ z }}", "y"],
    ["{% for x in [] %}{% else %}{% set c = 1 %}{% endfor %}{{ c }}", "c"],
    ["{% for x in xs if y > 1 and y is defined %}{{ y }}{% endfor %}", "xs y"],
    [
      "{% switch a %}{% case 1 %}{% case 2 %}{% set y = 1 %}{% default %}{% set y = 2 %}{% endswitch %}{{ y }}",
      "a"
    ]
  ])
})

describe("what Jinja2 does too", () => {
  gives([
    [
      "{{ 10 * 3 // 4 }} {{ 7 * 3 % 4 }} {{ 8 / 2 // 3 }} {{ 2 + 3 * 4 - 1 }} {{ 10 - 2 + 3 }}",
      {},
      "7 1 1 13 11"
    ],
    ["{{ 0.1 % 3 }} {{ 1 % 10 ** 15 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ -6 % 3 }}", {}, "0.1 1 2 -2 0"],
    ["{{ 'ab' is in('abc') }} {{ 'a' is in({'a': 1}) }} {{ 2 is in([1, 2]) }}", {}, "true true true"],
    ["{{ '😀a'|replace('', '-') }}", {}, "-😀-a-"],
    ["[{{ '😀'|center(3) }}]", {}, "[ 😀 ]"],
    [
      "{{ '😀ab'[0] }}{{ '😀ab'[1] }}{{ 'ab😀'[-1] }}{{ 'ab😀'[-2] }}{{ '😀'[1] is defined }}",
      {},
      "😀a😀bfalse"
    ],
    ["{{ 'x'[-2] is defined }}{{ ''[0] is defined }}{{ '😀😀'|length }}", {}, "falsefalse2"],
    ["{{ [{}]|map(attribute='a.b', default=1)|join }}", {}, "1"],
    ["{{ ['b', 'A', 'a']|unique|join }} {{ ['b', 'A', 'a']|unique(true)|join }}", {}, "bA bAa"],
    ["{{ [{'k': 1}, {'k': 1}, {'k': 2}]|unique(attribute='k')|length }}", {}, "2"],
    ["{{ ['b', 'A', 'C']|max }}{{ ['b', 'A', 'C']|min }}{{ ['b', 'A']|max(true) }}", {}, "CAb"],
    ["a #} b {# c #} d #}", {}, "a #} b  d #}"],
    ["{% raw %}{# #} #}{% endraw %}", {}, "{# #} #}"]
  ])
  refuses("TemplateForbidden", [
    ["{% for loop in [5] %}{% endfor %}", "1:4", "'loop' is what a loop knows of itself: take another name"],
    ["{% macro m(caller) %}{% endmacro %}", "1:4", "'caller' is the block of a call: take another name"],
    ["{{ caller() }}", "1:10", "'caller' can only be called in a macro"],
    ["{{ x is defined == true }}", "1:17", "the name of a test is expected after 'is'"],
    [
      "{% set c = cycler(1) %}{{ c.next(1) }}",
      "1:33",
      "only macros and the listed functions can be called; a filter may do the same"
    ],
    ["{% set j = joiner() %}{{ j(1) }}", "1:27", "there is no function 'j'"]
  ])
  refuses("TemplateSyntaxError", [
    [
      "{{ {'a': {'b': 1}} }}",
      "1:10",
      "'{' is not closed before '}}' ends the tag; where two objects end, write '} }'"
    ],
    ["{% if (a %}{% endif %}", "1:7", "'(' is not closed before '%}' ends the tag"]
  ])
  misfits([
    [
      "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a) m() %}{% endcall %}",
      {},
      "1:25",
      "this caller takes at most 1 arguments"
    ]
  ])
})

describe("looking for long parts", () => {
  const hay = `${"a".repeat(300)}b${"a".repeat(20)}c`
  gives([
    ["{{ n in h }}", { h: hay, n: `${"a".repeat(20)}c` }, "true"],
    ["{{ n in h }}", { h: hay, n: `${"a".repeat(21)}c` }, "false"],
    ["{{ h|replace(n, '-') }}", { h: "abababababababab abababababab", n: "ababababab" }, "-ababab -ab"],
    ["{{ h|replace(n, '-') }}", { h: "aabaabaaab aabaabaaab", n: "aabaabaaab" }, "- -"]
  ])
})

describe("work that is paid for", () => {
  const text = "x".repeat(100_000)
  const dict = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, index]))
  const sets = Array.from({ length: 5_000 }, (_, index) => `{% set a${index} = 1 %}`).join("")
  const rows: ReadonlyArray<readonly [source: string, variables: Variables]> = [
    ["{% for i in range(9000) %}{% if [1]|batch(1000, 0) %}{% endif %}{% endfor %}", {}],
    [`{% for i in range(9000) %}{% for j in [] %}${sets}{% endfor %}{% endfor %}`, {}],
    [`{% for i in range(9000) if i < 0 %}${sets}{% endfor %}`, {}],
    [
      `{% macro m() %}{% if 0 %}${sets}{% endif %}{% endmacro %}{% for i in range(9000) %}{{ m() }}{% endfor %}`,
      {}
    ],
    [
      "{% macro m() %}{% for i in range(900) %}{{ caller() }}{% endfor %}{% endmacro %}" +
        `{% call m() %}{% if 0 %}${sets}{% endif %}{% endcall %}`,
      {}
    ],
    [
      `{% macro m(${Array.from({ length: 100 }, (_, index) => `a${index}`).join()}) %}{% endmacro %}` +
        "{% for i in range(9000) %}{{ m() }}{% endfor %}",
      {}
    ],
    ...["title", "escape", "striptags", "nl2br", "wordcount", "urlencode", "replace('', '')"].map(
      (filter) => [`{% for i in range(9) %}{% if s|${filter} %}{% endif %}{% endfor %}`, { s: text }] as const
    ),
    ...["indent(0)", "replace('\n', '')"].map(
      (filter) =>
        [
          `{% for i in range(9) %}{% if s|${filter} %}{% endif %}{% endfor %}`,
          { s: "\n".repeat(50_000) }
        ] as const
    ),
    [`{% for x in range(3000) if [${"1,".repeat(999)}1] %}{% endfor %}`, {}],
    [
      `{% macro m(a=[${"1,".repeat(999)}1]) %}{% endmacro %}{% for x in range(3000) %}{{ m() }}{% endfor %}`,
      {}
    ],
    ["{{ ([s] * 300)|map('length')|sum }}", { s: text }],
    ["{% for i in range(100) %}{{ 'y' in s }}{% endfor %}", { s: text }],
    ["{% for i in range(100) %}{{ s == t }}{% endfor %}", { s: text, t: text }],
    ["{% for i in range(100) %}{{ s < t }}{% endfor %}", { s: text, t: text }],
    ["{% for i in range(100) %}{{ s is lower }}{% endfor %}", { s: text }],
    ["{% for i in range(100) %}{{ s[90000] }}{% endfor %}", { s: text }],
    ["{% for i in range(100) %}{{ d == e }}{% endfor %}", { d: dict, e: { ...dict } }],
    [
      "{{ ([1] * 100000)|slice(1000)|length }}{% for i in range(500) %}{{ []|slice(1000)|length }}{% endfor %}",
      {}
    ]
  ]
  for (const [source, variables] of rows) {
    it.effect(`${source.slice(0, 70)} takes too many steps`, () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* limitOf(source, variables), "steps 400000")
      })
    )
  }

  gives([["{{ ([d] * 20000)|select|list|length }}", { d: dict }, "20000"]])

  it.effect("no limit is overstepped by a little", () =>
    Effect.gen(function* () {
      const source = "{% for i in range(100) %}{% endfor %}"
      assert.strictEqual(yield* limitOf(source, {}, { limits: { steps: 10 } }), "steps 10")
      assert.strictEqual(yield* limitOf(source, {}, { limits: { steps: 1_000 } }), "")
    })
  )
})
