import { assert, describe, it } from "@effect/vitest"
import type { Json } from "../../../src/domain/template/Value.ts"
import { observe, told } from "./observe.ts"

type Variables = { readonly [name: string]: Json }
/** What comes of a template: `ok` and its text, or an error's name; the beginning is enough. */
type Row = readonly [source: string, expected: string, variables?: Variables]

const forbidden = "TemplateForbidden"
const syntax = "TemplateSyntaxError"
const missing = "UndefinedVariable"
const misfit = "TemplateRenderError"
const steps = 'TemplateLimitExceeded {"limit":"steps"'
const text = 'TemplateLimitExceeded {"limit":"text"'
const depth = 'TemplateLimitExceeded {"limit":"depth"'

const attacks = (rows: ReadonlyArray<Row>) => {
  for (const [source, expected, variables = {}] of rows) {
    const title = source.length > 90 ? `${source.slice(0, 90)}… (${source.length} characters)` : source
    it(`${title}: ${expected}`, () => {
      const { outcome, harm } = observe(source, variables)
      assert.isUndefined(harm)
      assert.isTrue(told(outcome)!.startsWith(expected), told(outcome)!.slice(0, 200))
    })
  }
}

const nested = (levels: number): Json => {
  let value: Json = 1
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}
const times = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => make(i)).join("")
/** An expression of all these operands, nested no deeper than it must be. */
const joined = (operator: string, operands: ReadonlyArray<string>): string => {
  if (operands.length === 1) return operands[0]!
  const half = operands.length >> 1
  const [left, right] = [joined(operator, operands.slice(0, half)), joined(operator, operands.slice(half))]
  return `(${left} ${operator} ${right})`
}
const allNull = (count: number, prefix: string) =>
  joined(
    "and",
    Array.from({ length: count }, (_, i) => `${prefix}${i} is null`)
  )

describe("a look-up finds an object's own keys only", () => {
  const v = { d: { a: 1 }, xs: [{ a: 1 }], s: "text", k: "constructor" }
  describe("by name", () => {
    attacks([
      ["{{ xs|map(attribute='constructor')|list }}", missing, v],
      ["{{ xs|map(attribute='a.constructor.name')|list }}", missing, v],
      ["{{ xs|map(attribute='constructor', default='none')|join }}", "ok none", v],
      ["{{ xs|groupby('__proto__') }}", missing, v],
      ["{{ xs|groupby(k, default='-')|dump }}", 'ok {"-":', v],
      ["{{ xs|sort(attribute='__proto__.constructor') }}", missing, v],
      ["{{ xs|sum('toString') }}", missing, v],
      ["{{ xs|selectattr('hasOwnProperty')|list }}", missing, v],
      ["{{ xs|selectattr('valueOf', 'defined')|list }}", "ok []", v],
      ["{{ xs|rejectattr('__defineGetter__', 'undefined')|list }}", "ok []", v],
      ["{{ xs|max(attribute='constructor') }}", missing, v],
      ["{{ xs|unique(attribute='constructor.prototype')|list }}", missing, v],
      ["{{ xs|join(',', 'constructor') }}", missing, v],
      ["{{ (d|items)[0].constructor }}", missing, v],
      ["{{ d[k] is defined }}{{ d[k ~ ''] is defined }}{{ xs[k] is defined }}", "ok falsefalsefalse", v],
      ["{% for x in [d, xs, s, 1, true] %}{{ x[k]|default('-') }}{% endfor %}", "ok -----", v],
      [
        "{% for x in xs %}{{ loop[k]|default('-') }}{{ loop.__proto__ is defined }}{% endfor %}",
        "ok -false",
        v
      ],
      [
        "{% for a in xs %}{% set l = loop %}{% for b in xs %}{{ l.field is defined }}{% endfor %}{% endfor %}",
        "ok false",
        v
      ],
      ["{{ s.length is defined }}{{ xs.length is defined }}{{ s.at is defined }}", "ok falsefalsefalse", v],
      ["{{ 'constructor' in d }}{{ 'toString' in {} }}{{ d is in([k]) }}", "ok falsefalsefalse", v],
      ["{{ {'__proto__': {'x': 1} }.x is defined }}", "ok false"],
      ["{% set __proto__ = {'x': 1} %}{{ x is defined }}{{ {}.x is defined }}", "ok falsefalse"],
      [
        "{% macro m(__proto__) %}{{ __proto__.x }}{{ {}.x is defined }}{% endmacro %}{{ m({'x': 1}) }}",
        "ok 1false"
      ],
      ["{% macro __proto__() %}a{% endmacro %}{{ __proto__() }}", "ok a"],
      ["{{ [{'k': '__proto__', 'x': 1}]|groupby('k')|length }}{{ {}.x is defined }}", "ok 1false"]
    ])
  })

  describe("by a name made of pieces", () => {
    attacks([
      ["{{ d['\\u0063onstructor'] }}", missing, v],
      ["{{ d['\\x63onstructor'] }}", missing, v],
      ["{{ d[['con', 'structor']|join] is defined }}", "ok false", v],
      ["{{ d['%s' ~ 'constructor'] is defined }}", "ok false", v],
      ["{{ d['CONSTRUCTOR'|lower] is defined }}{{ d[' constructor '|trim] is defined }}", "ok falsefalse", v],
      ["{{ d['constructor_'|truncate(11, true, '')] is defined }}", "ok false", v],
      ["{{ d[{'constructor': 1}|first] is defined }}", "ok false", v],
      ["{% filter upper %}{{ d['con' 'structor'] }}{% endfilter %}", syntax, v],
      ["{{ d.constr\\u0075ctor }}", missing, v],
      ["{{ d.ｃonstructor is defined }}", "ok false", v]
    ])
  })
})

describe("nothing is called but macros and the listed functions", () => {
  attacks([
    ["{{ ''.constructor.constructor('return 1')() }}", forbidden],
    ["{{ []['constructor']['constructor']('return 1')() }}", forbidden],
    ["{{ ([]|first).constructor('x') }}", forbidden],
    ["{{ x.next.constructor('return 1') }}", forbidden],
    ["{{ x['next'].call(1) }}", forbidden],
    ["{{ (range)('3') }}", forbidden],
    ["{{ [range][0](3) }}", forbidden],
    ["{{ (range|default(1))(3) }}", forbidden],
    ["{{ 'range'(3) }}", forbidden],
    ["{{ range(3).toString() }}", forbidden],
    ["{{ s.padStart(1000000000) }}", forbidden],
    ["{{ s.replace(r/a/, 'b') }}", forbidden],
    ["{{ '%1000000000d'.format(1) }}", forbidden],
    ["{{ '%s'|format('a') }}", forbidden],
    ["{{ x|attr('constructor') }}", forbidden],
    ["{{ x|map('constructor') }}", misfit, { x: [1] }],
    ["{{ x|map(attribute='a')|map('call')|list }}", misfit, { x: [{ a: 1 }] }],
    ["{{ x|select('constructor') }}", misfit, { x: [1] }],
    ["{{ x is callable }}", forbidden],
    ["{% macro m() %}{{ caller.constructor('return 1')() }}{% endmacro %}", forbidden],
    ["{% macro m() %}{{ caller.invoke }}{% endmacro %}{% call m() %}{% endcall %}", missing],
    ["{% macro m() %}{{ caller }}{% endmacro %}{% call m() %}x{% endcall %}", misfit],
    ["{% macro m() %}{% endmacro %}{{ m.constructor('return 1') }}", forbidden],
    ["{% macro m() %}{{ m.caller }}{{ arguments }}{% endmacro %}{{ m() }}", missing],
    ["{% set f = range %}{{ f(3) }}", forbidden],
    ["{% set c = cycler('a') %}{{ c.items }}{{ c['call']('next') }}", forbidden],
    ["{% set c = cycler('a') %}{{ c.items }}", missing],
    ["{% set c = cycler(range) %}{{ c.next() }}", missing],
    ["{% for f in [cycler, joiner] %}{{ f }}{% endfor %}", missing],
    ["{% for m in [1] %}{{ m() }}{% endfor %}", forbidden],
    ["{% call(x) y.z() %}{% endcall %}", forbidden],
    ["{{ super() }}{{ self.a() }}", forbidden],
    ["{{ x if x() }}", forbidden],
    ["{{ globalThis }}{{ process }}{{ require }}{{ this }}{{ env }}{{ context }}", missing],
    ["{{ import('node:fs') }}", forbidden],
    ["{{ `${process.exit()}` }}", syntax],
    ["{{ x => x }}", syntax],
    ["{{ new Date() }}", syntax],
    ["{{ x = 1 }}", syntax],
    ["{{ a, process.exit() }}", syntax]
  ])
})

describe("no tag loads, defines or waits", () => {
  attacks([
    ["{%- include 'a' ignore missing -%}", forbidden],
    ["{% include x %}", forbidden],
    ["{% include 'data:text/plain,{{ 1 }}' %}", forbidden],
    ["{% import x as y with context %}", forbidden],
    ["{% from x import y as z, w %}", forbidden],
    ["{% extends none %}", forbidden],
    ["{% if 0 %}{% extends 'a' %}{% endif %}", forbidden],
    ["{% block constructor %}{{ super() }}{% endblock %}", forbidden],
    ["{% macro m() %}{% include 'a' %}{% endmacro %}", forbidden],
    ["{% asyncEach x, y in z %}{{ x }}{% endeach %}", forbidden],
    ["{% asyncAll x in [1] %}{% endall %}", forbidden],
    ["{% ifAsync 1 %}{% endif %}", forbidden],
    ["{% for x in y recursive %}{% endfor %}", syntax],
    ["{% do x.push(1) %}", syntax],
    ["{% autoescape true %}{% endautoescape %}", syntax],
    ["{% with %}{% endwith %}", syntax],
    ["{% debug %}", syntax],
    ["{% raw %}{{ process.exit() }}{% endraw %}", "ok {{ process.exit() }}"],
    ["{% raw %}{% endraw %}{{ x.constructor() }}", forbidden],
    ["{% verbatim %}{% endraw %}{% endverbatim %}{% include 'a' %}", forbidden],
    ["{# {% endraw #}{% include 'a' %}", forbidden],
    ["{{ '{% include \"a\" %}' }}", 'ok {% include "a" %}'],
    ["{{ s }}", "ok {{ process.exit() }}{% include 'a' %}", { s: "{{ process.exit() }}{% include 'a' %}" }],
    ["{{ s|safe|string|trim }}", "ok {{ 1 }}", { s: "{{ 1 }}" }]
  ])
})

describe("no regular expression is made", () => {
  attacks([
    ["{{ r/(a+)+$/ }}", forbidden],
    ["{{ s|replace(r/a/g, 'b') }}", forbidden],
    ["{{ [r/a/] }}", forbidden],
    ["{{ {'a': r/(.*)*/} }}", forbidden],
    ["{% if r/a/ %}{% endif %}", forbidden],
    ["{{ s|replace('(a+)+$', 'b') }}", "ok aaaa", { s: "aaaa" }],
    ["{{ s|replace('.', '$&$`$1') }}", "ok a$&$`$1b", { s: "a.b" }],
    ["{{ s|striptags|length }}", "ok ", { s: "<".repeat(100_000) }],
    ["{{ s|wordcount }}", "ok 1", { s: "é".repeat(100_000) }],
    ["{{ s|trim|length }}", "ok 100002", { s: `a${" ".repeat(100_000)}b` }],
    ["{{ s|title|length }}", "ok 100000", { s: "a-".repeat(50_000) }]
  ])
})

describe("numbers stay numbers", () => {
  attacks([
    ["{{ 10 ** 10 ** 10 }}", "ok 1e+100"],
    ["{{ 10 ** 10 ** 10 ** 10 }}", misfit],
    ["{{ 9 ** 9 ** 9 ** 9 ** 9 }}", misfit],
    ["{{ 1 / 0 }}", misfit],
    ["{{ 0 / 0 }}", misfit],
    ["{{ 0 // 0 }}{{ 1 % 0 }}", misfit],
    ["{{ (0 - 8) ** 0.5 }}", misfit],
    ["{{ 2 ** 1023 * 2 }}", misfit],
    ["{{ 1e999 }}", syntax],
    [`{{ ${"9".repeat(5_000)} }}`, forbidden],
    [`{{ 0.${"1".repeat(100_000)} }}`, "ok 0.111"],
    [`{{ '${"9".repeat(100_000)}'|int }}`, "ok 0"],
    ["{{ n|int }}{{ n|round(15) }}", misfit, { n: 1e300 }],
    ["{{ [n, n]|sum }}", misfit, { n: 1e308 }]
  ])
})

describe("what would be large is not made", () => {
  attacks([
    ["{{ 'a' * 10 ** 9 }}", text],
    ["{{ 'a' * 2 ** 1023 }}", text],
    ["{{ [0] * 10 ** 9 }}", steps],
    ["{{ ([0] * 1000) * 1000 }}", steps],
    ["{{ 'ab' * 1.5 }}", misfit],
    ["{{ 'a'|center(10 ** 9) }}", misfit],
    ["{{ 'a'|center(1000)|center(1000)|length }}", "ok 1000"],
    ["{{ 'a'|indent(10 ** 9) }}", misfit],
    ["{{ s|indent(1000)|length }}", text, { s: "\n".repeat(5_000) }],
    ["{{ [1]|batch(10 ** 9, 0) }}", misfit],
    ["{{ [1]|slice(10 ** 9) }}", misfit],
    ["{{ [1]|slice(0 - 1) }}", misfit],
    ["{% for i in range(9999) %}{% if [1]|batch(1000, 0) %}{% endif %}{% endfor %}", steps],
    ["{% for i in range(9999) %}{% if []|slice(1000, 0) %}{% endif %}{% endfor %}", steps],
    ["{{ d|tojson(10 ** 9) }}", misfit, { d: {} }],
    ["{{ d|dump(10)|length }}", text, { d: Array.from({ length: 300 }, () => nested(300)) }],
    ["{{ 1.5|round(10 ** 9) }}", misfit],
    ["{{ 'z'|int(0, 10 ** 9) }}", misfit],
    ["{{ range(10 ** 15)|length }}", steps],
    ["{{ range(0, 10 ** 15, 1)|first }}", steps],
    ["{{ range(0, 0 - 10 ** 15, 0 - 1)|last }}", steps],
    ["{{ range(0 - 2 ** 52, 2 ** 52, 2 ** 50)|length }}", "ok 8"],
    ["{{ range(0, 10, 0) }}", misfit],
    ["{{ range(1, 2, 3, 4) }}", misfit],
    ["{{ range('10') }}", misfit],
    ["{{ range(0.5) }}", misfit],
    ["{{ 999999 in range(1000000) }}", steps],
    ["{{ s|replace('', s)|length }}", text, { s: "a".repeat(10_000) }],
    ["{{ s|replace('a', s)|replace('a', s)|length }}", steps, { s: "a".repeat(1_000) }],
    ["{{ xs|join(s)|length }}", text, { xs: Array(1_000).fill(1), s: "a".repeat(10_000) }],
    ["{{ xs|join(xs)|length }}", text, { xs: Array(2_000).fill("ab") }],
    ["{{ xs|map('string')|map('upper')|join|length }}", "ok 2000", { xs: Array(2_000).fill("a") }],
    ["{% set s = 'ab' %}{% for i in range(99) %}{% set s = s ~ s %}{% endfor %}", text],
    ["{% set s = 'ab' %}{% for i in range(99) %}{% set s %}{{ s }}{{ s }}{% endset %}{% endfor %}", text],
    ["{% set s = ['ab'] %}{% for i in range(99) %}{% set s = s + s %}{% endfor %}", steps],
    ["{% set s = {} %}{% for i in range(99) %}{% set s = {'a': s, 'b': s} %}{% endfor %}{{ s }}", steps],
    [
      "{% set s = {} %}{% for i in range(99) %}{% set s = {'a': s, 'b': s} %}{% endfor %}{{ s == {'a': s} }}",
      "ok false"
    ],
    ["{% set s = [] %}{% for i in range(99) %}{% set s = [s, s] %}{% endfor %}{{ s|urlencode }}", steps],
    ["{% set s = [] %}{% for i in range(999) %}{% set s = [s] %}{% endfor %}{{ s }}", depth],
    ["{% set s = [] %}{% for i in range(999) %}{% set s = [s] %}{% endfor %}{{ s|unique|length }}", "ok 1"],
    [
      "{% filter escape %}{% filter escape %}{{ s }}{% endfilter %}{% endfilter %}",
      text,
      { s: "&".repeat(600_000) }
    ],
    ["{{ s|upper|lower|title|capitalize|trim|escape|length }}", steps, { s: "ß".repeat(600_000) }]
  ])
})

describe("what would be long ends", () => {
  attacks([
    ["{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", steps],
    [
      "{% for a in s %}{% for b in s %}{% for c in s %}{% endfor %}{% endfor %}{% endfor %}",
      steps,
      { s: "x".repeat(1_000) }
    ],
    ["{% for a in xs if a in xs %}{% endfor %}", steps, { xs: Array.from({ length: 5_000 }, (_, i) => i) }],
    [
      "{% for a in xs %}{% if xs|sort %}{% endif %}{% endfor %}",
      steps,
      { xs: Array.from({ length: 5_000 }, (_, i) => i) }
    ],
    ["{{ xs|unique|length }}", steps, { xs: Array.from({ length: 5_000 }, (_, i) => [i]) }],
    ["{{ xs|select('in', xs)|length }}", steps, { xs: Array.from({ length: 5_000 }, (_, i) => [i]) }],
    [
      "{% for i in range(99999) %}{% if d == e %}{% endif %}{% endfor %}",
      steps,
      { d: nested(90), e: nested(90) }
    ],
    [
      "{% for i in range(99999) %}{% if s is lower %}{% endif %}{% endfor %}",
      steps,
      { s: "x".repeat(50_000) }
    ],
    [
      "{% for i in range(99999) %}{% if s[0 - 49999] %}{% endif %}{% endfor %}",
      steps,
      { s: "x".repeat(50_000) }
    ],
    [
      "{% for i in range(99999) %}{% if t in s %}{% endif %}{% endfor %}",
      steps,
      { s: "ab".repeat(25_000), t: "ab".repeat(999) + "c" }
    ],
    [
      "{% for i in range(99999) %}{% if s|length %}{% endif %}{% endfor %}",
      steps,
      { s: "😀".repeat(25_000) }
    ],
    [
      `{% for i in range(99999) %}{% for j in [] %}${times(9_000, (i) => `{%set a${i}=1%}`)}{% endfor %}{% endfor %}`,
      steps
    ],
    [
      `{% macro m() %}{% if 0 %}${times(9_000, (i) => `{%set a${i}=1%}`)}{% endif %}{% endmacro %}{% for i in range(99999) %}{{ m() }}{% endfor %}`,
      steps
    ],
    ["{% macro m() %}{% for i in range(99) %}{{ m() }}{% endfor %}{% endmacro %}{{ m() }}", depth],
    ["{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}", depth],
    ["{% macro m(x=m()) %}{% endmacro %}{{ m() }}", depth],
    ["{% macro m(n) %}{% call m(n) %}{{ n }}{% endcall %}{% endmacro %}{{ m(1) }}", depth],
    ["{% macro m(n) %}{{ m([n])|upper }}{% endmacro %}{{ m(1) }}", depth],
    ["{% macro m(n) %}{{ m(n - 1) ~ m(n - 1) if n > 0 else 'x' }}{% endmacro %}{{ m(30)|length }}", steps],
    [
      "{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}" +
        "{% call m() %}".repeat(16) +
        "x" +
        "{% endcall %}".repeat(16),
      steps
    ],
    [
      "{% set j = joiner(s) %}{% for i in range(9999) %}{{ j() }}{% endfor %}",
      text,
      { s: "x".repeat(10_000) }
    ]
  ])
})

describe("data may be as deep and as wide as it likes", () => {
  attacks([
    ["{{ d }}", depth, { d: nested(10_000) }],
    ["{{ d|dump }}", depth, { d: nested(10_000) }],
    ["{{ d ~ '' }}", depth, { d: nested(10_000) }],
    ["{{ d|string|length }}", depth, { d: nested(10_000) }],
    ["{{ d == e }}", depth, { d: nested(10_000), e: nested(10_000) }],
    ["{{ [d, e]|unique|length }}", depth, { d: nested(10_000), e: nested(10_000) }],
    ["{{ e in [d] }}", depth, { d: nested(10_000), e: nested(10_000) }],
    ["{{ [{'k': d}]|groupby('k')|length }}", depth, { d: nested(10_000) }],
    ["{{ d|urlencode }}", depth, { d: [["k", nested(10_000)]] }],
    [
      "{{ d is mapping }}{{ d is sequence }}{{ d|length }}{{ 1 if d }}",
      "ok falsetrue11",
      { d: [nested(9_999)] }
    ],
    ["{{ d|map(attribute=p)|list|length }}", "ok 1", { d: [nested(10_000)], p: "a.0.".repeat(400) + "a" }],
    ["{{ xs|map(attribute=p) }}", missing, { xs: [{}], p: "a.".repeat(150_000) }],
    ["{{ xs|map(attribute=p) }}", steps, { xs: [{}], p: "a.".repeat(300_000) }],
    ["{{ xs|length }}", "ok 50000", { xs: Array(50_000).fill(1) }],
    [
      "{% for k, v in d %}{% if d|length %}{% endif %}{% endfor %}",
      steps,
      { d: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])) }
    ]
  ])
})

describe("sources that are all of one thing are read in linear time", () => {
  attacks([
    [`{{ ${"a".repeat(200_000)} }}`, missing],
    [`{{ ${"é".repeat(100_000)} }}`, missing],
    [`{{ a.${"b".repeat(200_000)} }}`, missing, { a: {} }],
    [`{{ a|${"b".repeat(200_000)} }}`, forbidden],
    [`{{ ${"b".repeat(200_000)}() }}`, forbidden],
    [`{{ '${"\\u0041".repeat(33_000)}' }}`, "ok u0041"],
    [`{{ '${"a".repeat(200_000)} }}`, syntax],
    [`${" ".repeat(200_000)}{{- 1 }}`, "ok 1"],
    [`{{ 1 -}}${"\n".repeat(200_000)}`, "ok 1"],
    [`{{${" ".repeat(200_000)}1}}`, "ok 1"],
    ["{".repeat(200_000), forbidden],
    ["{%".repeat(100_000), syntax],
    ["{#".repeat(100_000), syntax],
    ["#}".repeat(100_000), "ok #}"],
    ["{{}}".repeat(50_000), syntax],
    ["{% raw %}".repeat(20_000), syntax],
    ["{% raw %}{% endraw %}".repeat(9_000), "ok "],
    [`{% raw %}${"{%".repeat(90_000)}{% endraw %}`, "ok {%{%"],
    [`{% raw %}${"{% ".repeat(60_000)}`, syntax],
    [`{{ ${"1 + ".repeat(50_000)}1 }}`, forbidden],
    [`{{ ${"1, ".repeat(60_000)}1 }}`, syntax],
    [`{{ [${"1, ".repeat(60_000)}1]|length }}`, "ok 60001"],
    [`{{ {${times(15_000, (i) => `a${i}: 1, `)}a: 1}|length }}`, "ok 15001"],
    [`{{ 1${" < 2".repeat(45_000)} }}`, "ok false"],
    [`{{ range(${"1, ".repeat(60_000)}1) }}`, misfit],
    [`{{ a${"[0]".repeat(60_000)} }}`, forbidden, { a: [] }],
    [times(900, () => `{{ a${".b".repeat(50)} }}`), missing, { a: {} }],
    [`{% macro m(${times(9_000, (i) => `a${i}=1, `)}z=1) %}{% endmacro %}`, forbidden],
    [`{% macro m(${times(99, (i) => `a${i}, `)}z) %}{% endmacro %}${"{{m()}}".repeat(9_000)}`, steps],
    [`{% macro m() %}{% endmacro %}{{ m(${times(9_000, (i) => `a${i}=1, `)}z=1) }}`, forbidden],
    [times(12_000, (i) => `{%set a${i}=1%}`), "ok "],
    [
      times(90, () => "{% for a in b %}") + "{{a}}".repeat(30_000) + "{% endfor %}".repeat(90),
      "ok ",
      { b: [] }
    ],
    [
      times(45, () => "{% if a %}") + times(9_000, (i) => `{%set a${i}=1%}`) + "{% endif %}".repeat(45),
      "ok ",
      { a: 0 }
    ],
    [`{% switch a %}${times(12_000, (i) => `{%case ${i}%}`)}{% endswitch %}`, "ok ", { a: 1 }],
    [`{% if 1 %}${"{% elif 1 %}".repeat(15_000)}{% endif %}`, forbidden],
    [`{{ (${allNull(4_000, "a")} or ${allNull(4_000, "b")})${" and 1".repeat(60)} }}`, "ok false"],
    [`{{ (${joined("or", Array<string>(6_000).fill("a is undefined"))})${" or a".repeat(60)} }}`, "ok true"]
  ])
})
