import { Cache, Context, Duration, Effect, Exit, Layer, Option } from "effect"
import type { ProjectId } from "../domain/Ids.ts"
import { Held } from "./Held.ts"
import { PromptStore } from "./PromptStore.ts"
import type { ResolvedPrompt } from "./PromptStore.ts"

/** How long a process goes by what it knows of a prompt that another process may have changed. */
const REMEMBERED = Duration.seconds(1)
const PROMPTS_REMEMBERED = 10_000
/** Characters of template source in all. What was read longest ago goes first. */
const CHARACTERS_REMEMBERED = 64 * 2 ** 20

/** Prompts with the version that was asked for, as this process knows them. What is not there is asked for each time. */
export class PromptCache extends Context.Service<
  PromptCache,
  {
    /** With the active version. After `forget` it is what the database has; else at most a second old. */
    readonly active: (project_id: ProjectId, name: string) => Effect.Effect<Option.Option<ResolvedPrompt>>
    /** With the version of that number. Its content never changes; its status and its prompt may be a second old. */
    readonly version: (
      project_id: ProjectId,
      name: string,
      version_number: number
    ) => Effect.Effect<Option.Option<ResolvedPrompt>>
    /** To be called when this process has changed prompts, before it says so. */
    readonly forget: (project_id: ProjectId, names: Iterable<string>) => Effect.Effect<void>
  }
>()("promptledger/services/PromptCache") {
  static readonly layer = Layer.effect(
    PromptCache,
    Effect.gen(function* () {
      const store = yield* PromptStore

      const keyOf = (project_id: ProjectId, name: string, version_number?: number) =>
        `${project_id}/${version_number ?? ""}/${name}`
      const sizes = new Held<true>({ entries: PROMPTS_REMEMBERED, size: CHARACTERS_REMEMBERED })
      const remember = (key: string, resolved: Option.Option<ResolvedPrompt>): Effect.Effect<void> => {
        const version = Option.flatMap(resolved, (prompt) => prompt.version)
        if (Option.isNone(version)) return Effect.void
        const gone = sizes.set(key, true, version.value.template_source.length)
        return Effect.forEach(gone, (oldest) => Cache.invalidate(known, oldest), { discard: true })
      }
      const lookup = (key: string) => {
        const [project_id, version_number] = key.split("/", 2) as [ProjectId, string]
        const name = key.slice(project_id.length + version_number.length + 2)
        return Effect.tap(
          store.resolve(project_id, name, version_number === "" ? undefined : Number(version_number)),
          (resolved) => remember(key, resolved)
        )
      }
      const known = yield* Cache.makeWith(lookup, {
        capacity: PROMPTS_REMEMBERED,
        timeToLive: Exit.match({
          onFailure: () => Duration.zero,
          onSuccess: (resolved) =>
            Option.exists(resolved, ({ version }) => Option.isSome(version)) ? REMEMBERED : Duration.zero
        })
      })

      return PromptCache.of({
        active: (project_id, name) => Cache.get(known, keyOf(project_id, name)),
        version: (project_id, name, version_number) =>
          Cache.get(known, keyOf(project_id, name, version_number)),
        forget: (project_id, names) =>
          Effect.forEach(
            new Set(names),
            (name) => {
              const key = keyOf(project_id, name)
              sizes.delete(key)
              return Cache.invalidate(known, key)
            },
            { discard: true }
          )
      })
    })
  )
}
