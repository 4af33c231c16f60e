import { Effect, Exit } from "effect"
import type { TemplateForbidden, TemplateSyntaxError } from "../../../src/domain/template/errors.ts"
import { makeTemplate } from "../../../src/domain/template/Template.ts"
import type { RenderError } from "../../../src/domain/template/Template.ts"
import type { Json } from "../../../src/domain/template/Value.ts"
import { deepFreeze } from "../../support/deepFreeze.ts"
import { slowness, worked } from "../../support/slowness.ts"
import { Traps } from "../../support/traps.ts"

/** Milliseconds that are promised: of work, not of waiting, and exceeded only when they are each time. */
const REGISTRATION = 250 * slowness
const RENDERING = 50 * slowness
const TRIES = 4

const DOCUMENTED = new Set([
  "TemplateSyntaxError",
  "TemplateForbidden",
  "UndefinedVariable",
  "TemplateRenderError",
  "TemplateLimitExceeded"
])

export type Outcome = Exit.Exit<string, TemplateSyntaxError | TemplateForbidden | RenderError>

export const traps = new Traps()

/** Does it `times` times, and again as long as it takes longer than it may. */
const repeated = <A>(most: number, times: number, run: () => A) => {
  const results: Array<A> = []
  let millis = Infinity
  while (results.length < times || (millis > most && results.length < TRIES)) {
    const start = worked()
    results.push(traps.watch(run))
    millis = Math.min(millis, worked() - start)
  }
  return { results, millis }
}

/** The text that a template gives after `ok`, or the documented error that it fails with; else nothing. */
export const told = (outcome: Outcome): string | undefined => {
  if (Exit.isSuccess(outcome)) return `ok ${outcome.value}`
  const [reason] = outcome.cause.reasons
  if (reason?._tag !== "Fail" || !DOCUMENTED.has(reason.error._tag)) return undefined
  const { _tag, ...details } = reason.error
  return `${_tag} ${JSON.stringify(details)}`
}

/** Registers and renders a template, and tells what came of it and what harm it did, if any. */
export const observe = (source: string, variables: { readonly [name: string]: Json }) => {
  deepFreeze(variables)
  const registered = repeated(REGISTRATION, 1, () => Effect.runSyncExit(makeTemplate(source)))
  const made = registered.results[0]!
  const rendered = repeated(RENDERING, 2, (): Outcome =>
    Exit.isFailure(made)
      ? Exit.failCause(made.cause)
      : Effect.runSyncExit(made.value.render(variables, { now: () => 0 }))
  )
  const [outcome, again] = rendered.results as [Outcome, Outcome]
  const harm = (): string | undefined => {
    if (traps.caught !== undefined) return `it ${traps.caught}`
    if (told(outcome) === undefined) return `it ends with ${String(outcome)}`
    if (told(outcome) !== told(again)) return "it gives one thing and then another"
    if (registered.millis > REGISTRATION) return `it takes ${registered.millis} ms to register`
    return rendered.millis > RENDERING ? `it takes ${rendered.millis} ms to render` : undefined
  }
  return { outcome, harm: harm() }
}
