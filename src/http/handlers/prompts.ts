import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Prompts } from "../../services/Prompts.ts"
import { Api } from "../api/Api.ts"
import { PromptDetail } from "../api/PromptsApi.ts"
import { encodedOnce } from "../encodedOnce.ts"
import { DEFAULT_LIMIT } from "../api/fields.ts"
import { inProject } from "../inProject.ts"
import { asProblem } from "../problemOf.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "prompts",
  Effect.fnUntraced(function* (handlers) {
    const prompts = yield* Prompts
    const answerOf = encodedOnce(PromptDetail)
    return handlers.handleAll({
      upsert: ({ params: { name }, payload }) =>
        inProject((project) => prompts.upsert(project, name, payload)).pipe(asProblem),

      get: ({ params: { name } }) =>
        inProject((project) => prompts.get(project, name)).pipe(Effect.map(answerOf), asProblem),

      list: ({ query: { limit = DEFAULT_LIMIT, cursor, ...filter } }) =>
        inProject((project) => prompts.list(project, filter, { after: cursor, limit })).pipe(
          Effect.map(({ items, next }) => ({ prompts: items, next_cursor: next })),
          asProblem
        ),

      versions: ({ params: { name }, query: { limit = DEFAULT_LIMIT, cursor } }) =>
        inProject((project) => prompts.versions(project, name, { after: cursor, limit })).pipe(
          Effect.map(({ items, next }) => ({ versions: items, next_cursor: next })),
          asProblem
        ),

      version: ({ params: { name, version_number } }) =>
        inProject((project) => prompts.version(project, name, version_number)).pipe(asProblem),

      activate: ({ params: { name, version_number } }) =>
        inProject((project) => prompts.activate(project, name, version_number)).pipe(asProblem),

      registerCode: ({ payload: { prompts: given, dry_run = false } }) =>
        inProject((project) => prompts.register(project, given, dry_run)).pipe(
          Effect.map((registered) => ({ registered, dry_run })),
          asProblem
        ),

      history: ({ params: { name }, query: { mode, limit = DEFAULT_LIMIT, cursor } }) =>
        inProject((project) => prompts.history(project, name, mode, { after: cursor, limit })).pipe(
          Effect.map(({ prompt, current_version, items, next }) => ({
            prompt_name: prompt.name,
            mode: prompt.mode,
            current_version,
            versions: items.map(({ version_number, checksum_hash, ...version }) => ({
              ...version,
              version: version_number,
              template_hash: checksum_hash
            })),
            next_cursor: next
          })),
          asProblem
        )
    })
  })
)
