import { Context, Effect, Layer, Option, Result } from "effect"
import { sha256 } from "../domain/checksum.ts"
import { DuplicatePrompt, PromptNotFound, RegistrationRefused, VersionNotFound } from "../domain/errors.ts"
import type { ProjectId } from "../domain/Ids.ts"
import { requireGivenMode, requireMode } from "../domain/modes.ts"
import type { ModeMismatch } from "../domain/modes.ts"
import type { Prompt, PromptMode, PromptVersion, VersionWithContent } from "../domain/Prompt.ts"
import { checkCodePrompts, checkPromptFilter, checkUpsert } from "../domain/requests.ts"
import type { CodePrompt, PromptFilter, PromptUpsert } from "../domain/requests.ts"
import type { TemplateForbidden, TemplateSyntaxError } from "../domain/template/errors.ts"
import type { TemplateVariable } from "../domain/template/variables.ts"
import type { InvalidRequest } from "../domain/validation.ts"
import { checkTemplateHash, decidedNumber, decideVersion, versionChange } from "../domain/versioning.ts"
import type { VersionChange, VersionDecision } from "../domain/versioning.ts"
import { paged } from "./Page.ts"
import type { Page, PageRequest } from "./Page.ts"
import { PromptCache } from "./PromptCache.ts"
import { changesDescription, changesNothing, PromptStore } from "./PromptStore.ts"
import type { ContentChange, PromptFacts, ResolvedPrompt, VersionHistory } from "./PromptStore.ts"
import { spanned } from "./spanned.ts"
import { Templates } from "./Templates.ts"

export interface UpsertResult {
  readonly prompt: Prompt
  readonly version: PromptVersion
  readonly version_change: VersionChange
  /** The prompt is new. */
  readonly created: boolean
}

export interface RegisteredPrompt {
  readonly name: string
  readonly mode: "tracking"
  /** Number of the version that is current now. */
  readonly version: number
  readonly template_hash: string
  /** The prompt was there and its content is another than before. */
  readonly change_detected: boolean
  /** Number of the version that was current before, when a change was detected. */
  readonly previous_version: number | null
}

export interface PromptDetail {
  readonly prompt: Prompt
  readonly active_version: VersionDetail | null
}

export interface VersionDetail extends VersionWithContent {
  readonly variables: ReadonlyArray<TemplateVariable>
}

export interface PromptHistory extends Page<VersionHistory, number> {
  readonly prompt: Prompt
  /** Number of the active version. */
  readonly current_version: number | null
}

const numberOf = ({ version_number }: PromptVersion) => version_number

/** The registry: prompts in both modes and their versions. */
export class Prompts extends Context.Service<
  Prompts,
  {
    /** Creates or updates a prompt in full mode. */
    readonly upsert: (
      project_id: ProjectId,
      name: string,
      upsert: PromptUpsert
    ) => Effect.Effect<UpsertResult, InvalidRequest | ModeMismatch | TemplateSyntaxError | TemplateForbidden>

    /** Registers the prompts of an application's code, all or none; with `dry_run` it only says what would change. */
    readonly register: (
      project_id: ProjectId,
      prompts: ReadonlyArray<CodePrompt>,
      dry_run?: boolean
    ) => Effect.Effect<ReadonlyArray<RegisteredPrompt>, InvalidRequest | RegistrationRefused>

    /** Makes a version of a prompt in full mode the active one: a rollback when it is an older one. */
    readonly activate: (
      project_id: ProjectId,
      name: string,
      version_number: number
    ) => Effect.Effect<PromptDetail, PromptNotFound | VersionNotFound | ModeMismatch>

    /** What another process has changed is known here within a second. */
    readonly get: (project_id: ProjectId, name: string) => Effect.Effect<PromptDetail, PromptNotFound>
    readonly version: (
      project_id: ProjectId,
      name: string,
      version_number: number
    ) => Effect.Effect<VersionDetail, PromptNotFound | VersionNotFound>
    readonly list: (
      project_id: ProjectId,
      filter: PromptFilter,
      page: PageRequest<string>
    ) => Effect.Effect<Page<Prompt, string>, InvalidRequest>
    readonly versions: (
      project_id: ProjectId,
      name: string,
      page: PageRequest<number>
    ) => Effect.Effect<Page<PromptVersion, number>, PromptNotFound>
    /** A prompt's versions with content and number of executions. A mode that is given must be the prompt's. */
    readonly history: (
      project_id: ProjectId,
      name: string,
      mode: PromptMode | undefined,
      page: PageRequest<number>
    ) => Effect.Effect<PromptHistory, PromptNotFound | ModeMismatch>
  }
>()("promptledger/services/Prompts") {
  static readonly layer = Layer.effect(
    Prompts,
    Effect.gen(function* () {
      const store = yield* PromptStore
      const cache = yield* PromptCache
      const templates = yield* Templates

      const find = Effect.fnUntraced(function* (
        project_id: ProjectId,
        name: string,
        version_number?: number
      ) {
        const resolved = yield* store.resolve(project_id, name, version_number)
        return Option.isSome(resolved) ? resolved.value : yield* new PromptNotFound({ prompt_name: name })
      })

      const versionIn = Effect.fnUntraced(function* (
        { prompt, version }: ResolvedPrompt,
        version_number: number
      ) {
        return Option.isSome(version)
          ? version.value
          : yield* new VersionNotFound({ prompt_name: prompt.name, version_number })
      })

      /** A stored template keeps the rules that were in force when it came; one that breaks later ones shows no variables. */
      const withVariables = (version: VersionWithContent): Effect.Effect<VersionDetail> =>
        templates.get(version).pipe(
          Effect.map(({ variables }) => ({ ...version, variables })),
          Effect.orElseSucceed(() => ({ ...version, variables: [] }))
        )

      const detail = Effect.fnUntraced(function* ({ prompt, version }: ResolvedPrompt) {
        return { prompt, active_version: Option.isSome(version) ? yield* withVariables(version.value) : null }
      })

      /** What is known of a prompt is the same object for a while, and so is its detail. */
      const details = new WeakMap<ResolvedPrompt, PromptDetail>()
      const knownDetail = (resolved: ResolvedPrompt): Effect.Effect<PromptDetail> => {
        const known = details.get(resolved)
        return known === undefined
          ? Effect.tap(detail(resolved), (made) => Effect.sync(() => details.set(resolved, made)))
          : Effect.succeed(known)
      }

      const upsert = Effect.fn("Prompts.upsert")(function* (
        project_id: ProjectId,
        name: string,
        request: PromptUpsert
      ) {
        yield* checkUpsert({ name, ...request })
        const { set_active = true, ...content } = request
        const checksum_hash = sha256(content.template_source)
        const change: ContentChange = { name, mode: "full", checksum_hash, ...content }
        const decide = Effect.fnUntraced(function* ([facts]: ReadonlyArray<PromptFacts>) {
          if (facts!.prompt !== undefined) yield* requireMode(facts!.prompt, "upsert")
          // Content that is a version already was checked when it came.
          if (facts!.same === undefined) yield* templates.get(change)
          return [decideVersion(facts!, set_active)]
        })

        const [known] = yield* store.facts(project_id, [change])
        const [planned] = yield* decide([known!])
        const { prompt } = known!
        if (prompt !== undefined && planned!._tag === "Keep" && !changesDescription(prompt, change)) {
          const version_change = versionChange(known!, planned!)
          return { prompt, version: planned!.version, version_change, created: false }
        }
        const [revision] = yield* Effect.ensuring(
          store.revise(project_id, [change], decide),
          cache.forget(project_id, [name])
        )
        const { facts, decision, ...now } = revision!
        return { ...now, version_change: versionChange(facts, decision), created: facts.latest_number === 0 }
      })

      const register = Effect.fn("Prompts.register")(function* (
        project_id: ProjectId,
        prompts: ReadonlyArray<CodePrompt>,
        dry_run = false
      ) {
        yield* checkCodePrompts(prompts)
        const changes = prompts.map(({ template_hash: _, ...prompt }): ContentChange => ({
          ...prompt,
          mode: "tracking",
          checksum_hash: sha256(prompt.template_source)
        }))
        const firsts = new Map(prompts.map(({ name }, index) => [name, index] as const).toReversed())
        /** Templates that are in order. To check much code takes longer than locks may be held. */
        const inOrder = new Set<number>()

        const check = Effect.fnUntraced(function* (facts: PromptFacts, index: number) {
          const change = changes[index]!
          if (firsts.get(change.name) !== index)
            return yield* new DuplicatePrompt({ prompt_name: change.name })
          if (facts.prompt !== undefined)
            yield* requireMode({ ...facts.prompt, name: change.name }, "register")
          yield* checkTemplateHash(change.name, prompts[index]!.template_hash, change.checksum_hash)
          if (facts.same === undefined && !inOrder.has(index)) {
            yield* Effect.andThen(Effect.yieldNow, templates.get(change))
            inOrder.add(index)
          }
        })

        const decide = Effect.fnUntraced(function* (known: ReadonlyArray<PromptFacts>) {
          const checked = yield* Effect.forEach(known, (facts, index) => Effect.result(check(facts, index)))
          const faults = checked.flatMap((result, index) =>
            Result.isFailure(result) ? [{ index, name: changes[index]!.name, fault: result.failure }] : []
          )
          if (faults.length > 0) return yield* new RegistrationRefused({ faults })
          return known.map((facts) => decideVersion(facts, true))
        })

        const report = (facts: PromptFacts, decision: VersionDecision, index: number): RegisteredPrompt => {
          const change_detected = facts.latest_number > 0 && versionChange(facts, decision) !== "unchanged"
          return {
            name: changes[index]!.name,
            mode: "tracking",
            version: decidedNumber(decision),
            template_hash: changes[index]!.checksum_hash,
            change_detected,
            previous_version: change_detected ? (facts.active?.version_number ?? null) : null
          }
        }

        const known = yield* store.facts(project_id, changes)
        const planned = yield* decide(known)
        const nothingNew = known.every((facts, index) =>
          changesNothing(facts, planned[index]!, changes[index]!)
        )
        if (dry_run || nothingNew) return known.map((facts, index) => report(facts, planned[index]!, index))
        const revisions = yield* Effect.ensuring(
          store.revise(project_id, changes, decide),
          cache.forget(project_id, firsts.keys())
        )
        return revisions.map(({ facts, decision }, index) => report(facts, decision, index))
      })

      const activate = Effect.fn("Prompts.activate")(function* (
        project_id: ProjectId,
        name: string,
        version_number: number
      ) {
        const resolved = yield* find(project_id, name, version_number)
        yield* requireMode(resolved.prompt, "activate")
        const { version_id } = yield* versionIn(resolved, version_number)
        const { prompt_id, active_version_id } = resolved.prompt
        if (version_id !== active_version_id) {
          yield* Effect.ensuring(store.activate(prompt_id, version_id), cache.forget(project_id, [name]))
        }
        return yield* detail(yield* find(project_id, name))
      })

      return Prompts.of({
        upsert,
        register,
        activate,
        get: (project_id, name) =>
          Effect.flatMap(cache.active(project_id, name), (resolved) =>
            Option.isSome(resolved) ? knownDetail(resolved.value) : new PromptNotFound({ prompt_name: name })
          ).pipe(spanned("Prompts.get")),
        version: Effect.fn("Prompts.version")(function* (project_id, name, version_number) {
          return yield* withVariables(
            yield* versionIn(yield* find(project_id, name, version_number), version_number)
          )
        }),
        list: Effect.fn("Prompts.list")(function* (project_id, filter, page) {
          yield* checkPromptFilter(filter)
          return yield* paged(
            page,
            (more) => store.list(project_id, filter, more),
            ({ name }) => name
          )
        }),
        versions: Effect.fn("Prompts.versions")(function* (project_id, name, page) {
          const { prompt } = yield* find(project_id, name)
          return yield* paged(page, (more) => store.versions(prompt.prompt_id, more), numberOf)
        }),
        history: Effect.fn("Prompts.history")(function* (project_id, name, mode, page) {
          const { prompt, version } = yield* find(project_id, name)
          if (mode !== undefined) yield* requireGivenMode(prompt, mode, "history")
          const { items } = yield* paged(page, (more) => store.history(prompt.prompt_id, more), numberOf)
          const current_version = Option.getOrNull(Option.map(version, numberOf))
          // Numbers have no gaps: older versions follow unless this is the first one.
          const oldest = items.at(-1)?.version_number ?? 1
          return { prompt, current_version, items, next: oldest > 1 ? oldest : null }
        })
      })
    })
  )
}
