/*
 * Measures the template evaluator: rendering beside nunjucks, compiled in advance, in the same run and in turns, and
 * registration by size. Figures are medians, in microseconds; rendering is promised within twice the time of nunjucks.
 */
import { Effect } from "effect"
import nunjucks from "nunjucks"
import { makeTemplate } from "../src/domain/template/Template.ts"
import type { Json } from "../src/domain/template/Value.ts"

const ROUNDS = 30
/** What one round of one contestant takes, about: long beside the grain of the clock. */
const ROUND_MICROS = 20_000

type Variables = { readonly [name: string]: Json }

const rows = (count: number) =>
  Array.from({ length: count }, (_, id) => ({ id, title: `row ${id}`, tags: ["x", "y"], done: id % 3 === 0 }))

const SENTENCE = "Follow the house style: short sentences, plain words, and no more than is asked. "
const LOOP = `{% for row in rows %}
{{ loop.index }}. {{ row.title|upper }}{% if row.done %} (done){% else %} [{{ row.tags|join(", ") }}]{% endif %}
{% endfor %}
`
const PROMPT = `You are {{ role }}, and you answer in {{ language|default("English") }}.
${SENTENCE.repeat(12)}
${LOOP}
{% if notes|length > 0 %}Notes: {{ notes|trim }}{% endif %}
${SENTENCE.repeat(8)}
Question: {{ question }}
`
const variables: Variables = {
  role: "a librarian",
  rows: rows(10),
  notes: " be kind ",
  question: "Which rows are done?"
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!

/** The microseconds that one of so many calls takes. */
const measure = (run: () => unknown, calls: number): number => {
  const start = performance.now()
  for (let call = 0; call < calls; call++) run()
  return ((performance.now() - start) * 1_000) / calls
}

/** The median of each contestant. They take turns, so that a busy machine slows all alike. */
const compare = (...contestants: ReadonlyArray<() => unknown>): ReadonlyArray<number> => {
  const entries = contestants.map((run) => {
    measure(run, 100)
    return { run, calls: Math.ceil(ROUND_MICROS / measure(run, 10)), results: new Array<number>() }
  })
  for (let round = 0; round < ROUNDS; round++) {
    for (const { run, calls, results } of entries) results.push(measure(run, calls))
  }
  return entries.map(({ results }) => median(results))
}

const figures: Record<string, { readonly µs: number; readonly nunjucks?: number; readonly ratio?: number }> =
  {}
const rounded = (value: number, places: number) => Number(value.toFixed(places))

const rendering = (what: string, source: string, values: Variables): void => {
  console.log(`rendering ${what} …`)
  const template = Effect.runSync(makeTemplate(source))
  const other = nunjucks.compile(source, new nunjucks.Environment(null, { autoescape: false }))
  const render = () => Effect.runSync(template.render(values))
  const renderOther = () => other.render(values)
  if (render() !== renderOther()) throw new Error(`${what}: the two give different texts`)
  const [own = NaN, others = NaN] = compare(render, renderOther)
  figures[`render ${what}`] = {
    µs: rounded(own, 1),
    nunjucks: rounded(others, 1),
    ratio: rounded(own / others, 2)
  }
}

const registration = (kilobytes: number): void => {
  console.log(`registering ${kilobytes} KB …`)
  const piece = LOOP + SENTENCE
  const source = piece.repeat(Math.round((kilobytes * 1_024) / piece.length))
  const [own = NaN] = compare(() => Effect.runSync(makeTemplate(source)))
  figures[`register ${kilobytes} KB`] = { µs: rounded(own, 1) }
}

rendering(`${rounded(PROMPT.length / 1_024, 1)} KB with ten rows`, PROMPT, variables)
rendering("a thousand rows", LOOP, { rows: rows(1_000) })
for (const kilobytes of [1, 10, 100]) registration(kilobytes)
console.table(figures)
