import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import type { TemplateForbidden, TemplateSyntaxError } from "../../../src/domain/template/errors.ts"
import { makeTemplate } from "../../../src/domain/template/Template.ts"
import type { RenderError } from "../../../src/domain/template/Template.ts"
import type { Json } from "../../../src/domain/template/Value.ts"
import hostile from "../../corpora/hostile-templates.json" with { type: "json" }
import strictness from "../../corpora/strictness.json" with { type: "json" }
import { deepFreeze } from "../../support/deepFreeze.ts"
import { Random } from "../../support/Random.ts"
import { Traps } from "../../support/traps.ts"
import { randomTemplate } from "./randomTemplate.ts"
import { randomVariables } from "./randomVariables.ts"

/* `FUZZ_SEED` and `FUZZ_RUNS` run again what a failure names: the template of run n has the seed of the whole plus n. */
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 100_000)
const SEED = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31))

/** Milliseconds that are promised. A machine may be busy: a template fails only if it exceeds them each time. */
const REGISTRATION = 250
const RENDERING = 50
const TRIES = 4

const DOCUMENTED = new Set([
  "TemplateSyntaxError",
  "TemplateForbidden",
  "UndefinedVariable",
  "TemplateRenderError",
  "TemplateLimitExceeded"
])

const corpus = [...hostile, ...strictness].flatMap(({ template }) =>
  template === undefined ? [] : [template]
)
const traps = new Traps()
Error.stackTraceLimit = 0

type Outcome = Exit.Exit<string, TemplateSyntaxError | TemplateForbidden | RenderError>

/** Does it `times` times, and again as long as it takes longer than it may. */
const repeated = <A>(most: number, times: number, run: () => A) => {
  const results: Array<A> = []
  let millis = Infinity
  while (results.length < times || (millis > most && results.length < TRIES)) {
    const start = performance.now()
    results.push(traps.watch(run))
    millis = Math.min(millis, performance.now() - start)
  }
  return { results, millis }
}

/** The text that a template gives or the documented error it fails with; nothing where it ends otherwise. */
const told = (outcome: Outcome): string | undefined => {
  if (Exit.isSuccess(outcome)) return `ok ${outcome.value}`
  const [reason] = outcome.cause.reasons
  return reason?._tag === "Fail" && DOCUMENTED.has(reason.error._tag)
    ? JSON.stringify(reason.error)
    : undefined
}

/** What is wrong with how a template behaves, if anything. */
const fault = (source: string, variables: { readonly [name: string]: Json }): string | undefined => {
  const registered = repeated(REGISTRATION, 1, () => Effect.runSyncExit(makeTemplate(source)))
  const made = registered.results[0]!
  const rendered = repeated(RENDERING, 2, (): Outcome =>
    Exit.isFailure(made)
      ? Exit.failCause(made.cause)
      : Effect.runSyncExit(made.value.render(variables, { now: () => 0 }))
  )
  const [outcome, again] = rendered.results as [Outcome, Outcome]
  if (traps.caught !== undefined) return `it ${traps.caught}`
  if (told(outcome) === undefined) return `it ends with ${String(outcome)}`
  if (told(outcome) !== told(again)) return "it gives one thing and then another"
  if (registered.millis > REGISTRATION) return `it takes ${registered.millis} ms to register`
  return rendered.millis > RENDERING ? `it takes ${rendered.millis} ms to render` : undefined
}

describe("templates written at random", () => {
  it(`do no harm, ${RUNS} of them with the seed ${SEED}`, { timeout: 300_000 }, () => {
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const random = new Random(seed)
      const source = randomTemplate(random, corpus)
      const found = fault(source, deepFreeze(randomVariables(random)))
      if (found !== undefined) {
        assert.fail(`${found}\nFUZZ_SEED=${seed} FUZZ_RUNS=1\n${JSON.stringify(source)}\n${source}`)
      }
    }
  })

  it("would be caught at what all values share", () => {
    assert.isUndefined(traps.caught)
    traps.watch(() => ({})["constructor"])
    assert.strictEqual(traps.caught, "read constructor")
  })
})
