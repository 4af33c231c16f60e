import { Effect } from "effect"
import { check } from "./check.ts"
import { compile } from "./compile.ts"
import {
  TemplateForbidden,
  TemplateLimitExceeded,
  TemplateRenderError,
  TemplateSyntaxError,
  UndefinedVariable
} from "./errors.ts"
import { defaultRenderLimits } from "./limits.ts"
import type { RenderLimits } from "./limits.ts"
import { parse } from "./parse.ts"
import { Run } from "./Run.ts"
import type { Dict, Json } from "./Value.ts"
import { variablesOf } from "./variables.ts"
import type { TemplateVariable } from "./variables.ts"

export type RenderError = UndefinedVariable | TemplateRenderError | TemplateLimitExceeded

/** A template that was parsed and found to keep the rules of design section 7. */
export interface Template {
  /** How many nodes its tree has: what it takes of memory and of time goes by them. */
  readonly nodes: number
  /** The variables it takes, in the order of their first use. */
  readonly variables: ReadonlyArray<TemplateVariable>
  /**
   * Renders it: the same text for the same variables, whenever and wherever. The variables are read, never changed.
   */
  readonly render: (
    variables: { readonly [name: string]: Json },
    options?: RenderOptions
  ) => Effect.Effect<string, RenderError>
}

export interface RenderOptions {
  readonly limits?: Partial<RenderLimits>
  /** Milliseconds on any clock that only goes forward; the time limit is held against it. */
  readonly now?: () => number
}

/** Parses and checks a template. No JavaScript is ever made of its text: it becomes closures over a checked tree. */
export const makeTemplate = (
  source: string
): Effect.Effect<Template, TemplateSyntaxError | TemplateForbidden> =>
  Effect.try({
    try: () => {
      const tree = check(parse(source))
      const variables = variablesOf(tree)
      const required = variables.filter((variable) => variable.required).map(({ name }) => name)
      const { execute, slots, nodes } = compile(tree)
      const render: Template["render"] = (values, { limits, now = performance.now.bind(performance) } = {}) =>
        Effect.suspend((): Effect.Effect<string, RenderError> => {
          const run = new Run(values as Dict, slots, { ...defaultRenderLimits, ...limits }, now)
          for (const name of required) if (!Object.hasOwn(values, name)) run.missing(name)
          const problem = attempt(() => execute(run))
          if (run.missingNames.length > 0)
            return Effect.fail(new UndefinedVariable({ variables: run.missingNames }))
          return problem === undefined ? Effect.succeed(run.out) : Effect.fail(problem)
        })
      return { nodes, variables, render }
    },
    catch: (cause) => {
      if (cause instanceof TemplateSyntaxError || cause instanceof TemplateForbidden) return cause
      throw cause
    }
  })

const attempt = (render: () => void): TemplateRenderError | TemplateLimitExceeded | undefined => {
  try {
    render()
    return undefined
  } catch (cause) {
    if (cause instanceof TemplateRenderError || cause instanceof TemplateLimitExceeded) return cause
    throw cause
  }
}
