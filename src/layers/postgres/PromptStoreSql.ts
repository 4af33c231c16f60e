import { Effect, Layer, Option } from "effect"
import type { ProjectId, PromptId, VersionId } from "../../domain/Ids.ts"
import type { Prompt, PromptVersion } from "../../domain/Prompt.ts"
import type { PromptFilter } from "../../domain/requests.ts"
import { isStorable } from "../../domain/Text.ts"
import type { VersionDecision } from "../../domain/versioning.ts"
import { NewId } from "../../services/NewId.ts"
import type { PageRequest } from "../../services/Page.ts"
import { changesDescription, changesNothing, PromptStore } from "../../services/PromptStore.ts"
import type { ContentChange, PromptFacts, Revision, VersionHistory } from "../../services/PromptStore.ts"
import { Database } from "./Database.ts"
import {
  columnsOf,
  contentColumns,
  promptColumns,
  promptOf,
  unprefixed,
  versionColumns,
  versionOf
} from "./columns.ts"
import { unfolded } from "./facts.ts"
import { makeFirstOfMany } from "./firstOfMany.ts"
import { isLocked } from "./orDefect.ts"

interface AddedVersion {
  readonly version_id: string
  readonly prompt_id: PromptId
  readonly version_number: number
  readonly template_source: string
  readonly checksum_hash: string
  readonly created_by?: string | undefined
}

/** What a revision changes of a prompt itself; what is not given stays. */
interface PromptUpdate {
  readonly prompt_id: PromptId
  readonly description?: string | undefined
  readonly owner_team?: string | undefined
}

/** A move of a prompt's active pointer. */
interface PointerMove {
  readonly prompt_id: PromptId
  readonly version_id: VersionId
}

/** Templates in a page of a history, unless it has only one: more would take long to send, and much memory. */
const HISTORY_BYTES = 4 * 2 ** 20

const sameOf = unprefixed<PromptVersion>(versionColumns, "same_")
const activeOf = unprefixed<PromptVersion>(versionColumns, "active_")

/** `PromptStore` over PostgreSQL, a server's or PGlite's. */
export const layer = Layer.effect(
  PromptStore,
  Effect.gen(function* () {
    const { read, scan, write, reading, scanning, writing, now } = yield* Database
    const newId = yield* NewId
    const firstOfMany = makeFirstOfMany()

    const selectPrompt = (project_id: ProjectId, name: string, version_number: number | undefined) => read`
      SELECT ${read.literal(columnsOf("p", promptColumns, "prompt_"))},
        ${read.literal(columnsOf("v", contentColumns, "version_"))}
      FROM prompts p
      LEFT JOIN prompt_versions v ON v.prompt_id = p.prompt_id AND ${
        version_number === undefined
          ? read`v.version_id = p.active_version_id`
          : read`v.version_number = ${version_number}`
      }
      WHERE p.project_id = ${project_id} AND p.name = ${name}`

    const selectPrompts = (
      project_id: ProjectId,
      { mode, owner_team, search }: PromptFilter,
      { after, limit }: PageRequest<string>
    ) => scan<Prompt>`
      SELECT ${scan.literal(columnsOf("p", promptColumns))} FROM prompts p
      WHERE ${scan.and([
        scan`p.project_id = ${project_id}`,
        ...(mode === undefined ? [] : [scan`p.mode = ${mode}`]),
        ...(owner_team === undefined ? [] : [scan`p.owner_team = ${owner_team}`]),
        ...(search === undefined
          ? []
          : [
              scan.or([
                scan`position(lower(${search}) IN lower(p.name)) > 0`,
                scan`position(lower(${search}) IN lower(p.description)) > 0`
              ])
            ]),
        ...(after === undefined ? [] : [scan`p.name > ${after}`])
      ])}
      ORDER BY p.name LIMIT ${limit}`

    const olderThan = (version_number: number | undefined) =>
      version_number === undefined ? read.literal("") : read`AND v.version_number < ${version_number}`

    const selectVersions = (
      prompt_id: PromptId,
      { after, limit }: PageRequest<number>
    ) => read<PromptVersion>`
      SELECT ${read.literal(columnsOf("v", versionColumns))} FROM prompt_versions v
      WHERE v.prompt_id = ${prompt_id} ${olderThan(after)}
      ORDER BY v.version_number DESC LIMIT ${limit}`

    const selectHistory = (
      prompt_id: PromptId,
      { after, limit }: PageRequest<number>
    ) => scan<VersionHistory>`
      WITH counted AS (
        SELECT version_id, sum(executions)::float8 AS execution_count
        FROM (
          SELECT r.version_id, r.executions FROM execution_rollups r
          WHERE r.project_id = (SELECT project_id FROM prompts WHERE prompt_id = ${prompt_id})
            AND r.prompt_id = ${prompt_id} AND r.grain = 'ever'
          UNION ALL
          SELECT e.version_id, 1 FROM (${unfolded(scan, scan`e.prompt_id = ${prompt_id}`)}) e
        ) executions GROUP BY version_id
      )
      SELECT ${scan.literal(columnsOf("v", contentColumns))}, coalesce(c.execution_count, 0) AS execution_count
      FROM (
        SELECT v.*, sum(octet_length(v.template_source)) OVER (ORDER BY v.version_number DESC) AS bytes
        FROM prompt_versions v
        WHERE v.prompt_id = ${prompt_id} ${olderThan(after)}
        ORDER BY v.version_number DESC LIMIT ${limit}
      ) v LEFT JOIN counted c ON c.version_id = v.version_id
      WHERE v.bytes <= ${HISTORY_BYTES} OR v.bytes = octet_length(v.template_source)
      ORDER BY v.version_number DESC`

    /** By the connections for writes, since it has to find its rows by key. */
    const selectFacts = (project_id: ProjectId, changes: ReadonlyArray<ContentChange>) => write<{
      readonly latest_number: number
    }>`
      SELECT ${write.literal(columnsOf("p", promptColumns, "prompt_"))},
        ${write.literal(columnsOf("same", versionColumns, "same_"))},
        ${write.literal(columnsOf("active", versionColumns, "active_"))},
        coalesce((SELECT max(version_number) FROM prompt_versions WHERE prompt_id = p.prompt_id), 0) AS latest_number
      FROM unnest(
        ${changes.map(({ name }) => name)}::text[],
        ${changes.map(({ checksum_hash }) => checksum_hash)}::text[]
      ) WITH ORDINALITY AS change (name, checksum_hash, place)
      LEFT JOIN prompts p ON p.project_id = ${project_id} AND p.name = change.name
      LEFT JOIN prompt_versions same ON same.prompt_id = p.prompt_id AND same.checksum_hash = change.checksum_hash
      LEFT JOIN prompt_versions active ON active.version_id = p.active_version_id
      ORDER BY change.place`

    const insertPrompts = Effect.fnUntraced(function* (
      project_id: ProjectId,
      changes: ReadonlyArray<ContentChange>
    ) {
      const prompts = changes.map(({ name, mode }) => ({ prompt_id: newId(), name, mode }))
      const time = yield* now
      return yield* write`
        INSERT INTO prompts (prompt_id, project_id, name, mode, created_at, updated_at)
        SELECT prompt_id, ${project_id}, name, mode, ${time}, ${time}
        FROM jsonb_to_recordset(${write.json(prompts)}) AS added (prompt_id uuid, name text, mode prompt_mode)
        ORDER BY name COLLATE "C"
        ON CONFLICT (project_id, name) DO NOTHING
        RETURNING prompt_id`
    })

    const lockPrompts = (project_id: ProjectId, changes: ReadonlyArray<ContentChange>) => write`
      SELECT FROM prompts
      WHERE project_id = ${project_id} AND name = ANY (${changes.map(({ name }) => name)}::text[])
      ORDER BY name FOR UPDATE`

    const lockPrompt = (prompt_id: PromptId) => write`
      SELECT FROM prompts WHERE prompt_id = ${prompt_id} FOR UPDATE`

    const insertVersions = Effect.fnUntraced(function* (versions: ReadonlyArray<AddedVersion>) {
      yield* write`
        INSERT INTO prompt_versions
          (version_id, prompt_id, version_number, status, template_source, checksum_hash, created_by, created_at)
        SELECT version_id, prompt_id, version_number, 'draft', template_source, checksum_hash, created_by, ${yield* now}
        FROM jsonb_to_recordset(${write.json(versions)}) AS added
          (version_id uuid, prompt_id uuid, version_number int, template_source text, checksum_hash text, created_by text)`
    })

    const updatePrompts = Effect.fnUntraced(function* (updates: ReadonlyArray<PromptUpdate>) {
      yield* write`
        UPDATE prompts p SET
          description = coalesce(change.description, p.description),
          owner_team = coalesce(change.owner_team, p.owner_team),
          updated_at = ${yield* now}
        FROM jsonb_to_recordset(${write.json(updates)}) AS change (prompt_id uuid, description text, owner_team text)
        WHERE p.prompt_id = change.prompt_id`
    })

    /** Every move of an active pointer goes through here. */
    const movePointers = Effect.fnUntraced(function* (moves: ReadonlyArray<PointerMove>) {
      yield* write`
        WITH move AS (
          SELECT * FROM jsonb_to_recordset(${write.json(moves)}) AS move (prompt_id uuid, version_id uuid)
        ), demoted AS (
          UPDATE prompt_versions v SET status = 'deprecated'
          FROM move JOIN prompts p USING (prompt_id)
          WHERE v.version_id = p.active_version_id AND v.version_id <> move.version_id
        ), promoted AS (
          UPDATE prompt_versions v SET status = 'active' FROM move WHERE v.version_id = move.version_id
        )
        UPDATE prompts p SET active_version_id = move.version_id, updated_at = ${yield* now}
        FROM move WHERE p.prompt_id = move.prompt_id`
    })

    const facts = (project_id: ProjectId, changes: ReadonlyArray<ContentChange>) =>
      Effect.map(selectFacts(project_id, changes), (rows) =>
        rows.map((row): PromptFacts => ({
          prompt: promptOf(row),
          same: sameOf(row),
          active: activeOf(row),
          latest_number: row.latest_number
        }))
      )

    const carryOut = Effect.fnUntraced(function* (
      changes: ReadonlyArray<ContentChange>,
      known: ReadonlyArray<PromptFacts>,
      decisions: ReadonlyArray<VersionDecision>
    ) {
      const added: Array<AddedVersion> = []
      const updates: Array<PromptUpdate> = []
      const moves: Array<PointerMove> = []
      for (const [index, decision] of decisions.entries()) {
        const prompt = known[index]!.prompt!
        const { prompt_id } = prompt
        const { template_source, checksum_hash, created_by, description, owner_team } = changes[index]!
        const version_id = (decision._tag === "Create" ? newId() : decision.version.version_id) as VersionId
        if (decision._tag === "Create" || changesDescription(prompt, changes[index]!)) {
          updates.push({ prompt_id, description, owner_team })
        }
        if (decision._tag === "Create") {
          const { version_number } = decision
          added.push({ version_id, prompt_id, version_number, template_source, checksum_hash, created_by })
        }
        if (decision._tag === "Reuse" || (decision._tag === "Create" && decision.activate)) {
          moves.push({ prompt_id, version_id })
        }
      }
      if (added.length > 0) yield* insertVersions(added)
      if (updates.length > 0) yield* updatePrompts(updates)
      if (moves.length > 0) yield* movePointers(moves)
    })

    return PromptStore.of({
      resolve: (project_id, name, version_number) =>
        // The server would refuse to look for what it can't have.
        isStorable(name)
          ? Effect.map(reading(selectPrompt(project_id, name, version_number)), ([row]) =>
              row === undefined
                ? Option.none()
                : Option.some({
                    prompt: promptOf(row)!,
                    version: Option.fromUndefinedOr(versionOf(row))
                  })
            )
          : Effect.succeedNone,

      list: (project_id, filter, page) => scanning(selectPrompts(project_id, filter, page)),
      versions: (prompt_id, page) => reading(selectVersions(prompt_id, page)),
      history: (prompt_id, page) => scanning(selectHistory(prompt_id, page)),
      facts: (project_id, changes) => writing(facts(project_id, changes)),

      revise: (project_id, changes, decide) => {
        const look = Effect.gen(function* () {
          const known = yield* facts(project_id, changes)
          const decisions = yield* decide(known)
          const isDone = known.every((of, index) => changesNothing(of, decisions[index]!, changes[index]!))
          return { known, decisions, isDone }
        })
        const revisions = (
          { known, decisions }: Effect.Success<typeof look>,
          after = known
        ): ReadonlyArray<Revision> =>
          after.map(({ prompt, same }, index) => ({
            prompt: prompt!,
            version: same!,
            facts: known[index]!,
            decision: decisions[index]!
          }))

        /** Goes on unless somebody else, who was at it, has done all there is to do. */
        const unlessDone = <E>(otherwise: Effect.Effect<ReadonlyArray<Revision>, E>) =>
          Effect.flatMap(writing(look), (seen) => (seen.isDone ? Effect.succeed(revisions(seen)) : otherwise))

        const change = Effect.gen(function* () {
          const made = yield* insertPrompts(project_id, changes)
          // Many may have waited for whoever made them all: those that find all done take no lock, which each would hold for long.
          if (made.length === 0 && changes.length > 1) {
            const seen = yield* look
            if (seen.isDone) return revisions(seen)
          }
          if (made.length < changes.length) yield* lockPrompts(project_id, changes)
          const seen = yield* look
          if (seen.isDone) return revisions(seen)
          yield* carryOut(changes, seen.known, seen.decisions)
          return revisions(seen, yield* facts(project_id, changes))
        }).pipe(
          write.withTransaction,
          writing,
          Effect.catchDefect((defect) => {
            const failed = Effect.die(defect)
            return isLocked(defect) ? unlessDone(failed) : failed
          })
        )
        // All instances of an application may register its prompts at once.
        return changes.length === 1 ? change : firstOfMany(change, unlessDone(change))
      },

      activate: (prompt_id, version_id) =>
        Effect.andThen(lockPrompt(prompt_id), movePointers([{ prompt_id, version_id }])).pipe(
          write.withTransaction,
          writing
        )
    })
  })
)
