import { Context, Effect, Layer } from "effect"
import type { TemplateForbidden, TemplateSyntaxError } from "../domain/template/errors.ts"
import { makeTemplate } from "../domain/template/Template.ts"
import type { Template } from "../domain/template/Template.ts"
import { Held } from "./Held.ts"

const TEMPLATES_KEPT = 1_000
/** Bytes that they take in all, about. */
const BYTES_KEPT = 128 * 2 ** 20
const BYTES_A_CHARACTER = 2
const BYTES_A_NODE = 400

const sizeOf = (source: string, { nodes }: Template): number =>
  source.length * BYTES_A_CHARACTER + nodes * BYTES_A_NODE

/** Compiled templates, kept by checksum while they are among those used last: parsing and checking takes time. */
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
    const kept = new Held<Template>({ entries: TEMPLATES_KEPT, size: BYTES_KEPT })
    return Templates.of({
      get: ({ checksum_hash, template_source }) =>
        Effect.suspend(() => {
          const template = kept.get(checksum_hash)
          return template === undefined
            ? Effect.tap(makeTemplate(template_source), (made) =>
                Effect.sync(() => kept.set(checksum_hash, made, sizeOf(template_source, made)))
              )
            : Effect.succeed(template)
        })
    })
  })
}
