import { Context, Effect, Layer } from "effect"
import type { TemplateForbidden, TemplateSyntaxError } from "../domain/template/errors.ts"
import { makeTemplate } from "../domain/template/Template.ts"
import type { Template } from "../domain/template/Template.ts"

/** Templates that a process keeps compiled; past that the one used longest ago goes. */
const TEMPLATES_KEPT = 1_000

/** Compiled templates, kept by checksum: a content is parsed and checked once in a process. */
export class Templates extends Context.Service<
  Templates,
  {
    readonly get: (version: {
      readonly checksum_hash: string
      readonly template_source: string
    }) => Effect.Effect<Template, TemplateSyntaxError | TemplateForbidden>
  }
>()("promptledger/services/Templates") {
  static readonly layer = Layer.sync(Templates, () => {
    const kept = new Map<string, Template>()
    const keep = (checksum_hash: string, template: Template): Template => {
      kept.delete(checksum_hash)
      kept.set(checksum_hash, template)
      if (kept.size > TEMPLATES_KEPT) kept.delete(kept.keys().next().value!)
      return template
    }
    return Templates.of({
      get: ({ checksum_hash, template_source }) =>
        Effect.suspend(() => {
          const template = kept.get(checksum_hash)
          return template === undefined
            ? Effect.map(makeTemplate(template_source), (made) => keep(checksum_hash, made))
            : Effect.succeed(keep(checksum_hash, template))
        })
    })
  })
}
