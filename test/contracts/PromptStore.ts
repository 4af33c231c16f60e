import { assert, describe } from "@effect/vitest"
import type { Vitest } from "@effect/vitest"
import { Duration, Effect, Option } from "effect"
import { requireMode } from "../../src/domain/modes.ts"
import { decideVersion } from "../../src/domain/versioning.ts"
import { PromptStore } from "../../src/services/PromptStore.ts"
import { ExecutionStore } from "../../src/services/ExecutionStore.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { change, newExecution, newName, OTHER_PROJECT, PROJECT, revise } from "../support/ledger.ts"

const noFilter = { mode: undefined, owner_team: undefined, search: undefined }
const decide = (facts: ReadonlyArray<Parameters<typeof decideVersion>[0]>) =>
  Effect.succeed(facts.map((known) => decideVersion(known, true)))

export const promptStoreContract = (it: Vitest.MethodsNonLive<PromptStore | ExecutionStore | Database>) =>
  describe("PromptStore", () => {
    it.effect("creates a prompt with its first version, active", () =>
      Effect.gen(function* () {
        const name = newName()
        const { prompt, version, facts, decision } = yield* revise(
          change(name, "Hello", { description: "greets", owner_team: "core", created_by: "ada" })
        )
        assert.strictEqual(facts.latest_number, 0)
        assert.strictEqual(decision._tag, "Create")
        assert.include(prompt, { name, mode: "full", description: "greets", owner_team: "core" })
        assert.include(version, { version_number: 1, status: "active", created_by: "ada" })
        assert.strictEqual(prompt.active_version_id, version.version_id)
      })
    )

    it.effect("moves the pointer and both statuses when another version is made active", () =>
      Effect.gen(function* () {
        const store = yield* PromptStore
        const name = newName()
        const first = yield* revise(change(name, "one"))
        yield* revise(change(name, "two"))
        yield* store.activate(first.prompt.prompt_id, first.version.version_id)
        const versions = yield* store.versions(first.prompt.prompt_id, { limit: 10 })
        assert.deepStrictEqual(
          versions.map(({ version_number, status }) => [version_number, status]),
          [
            [2, "deprecated"],
            [1, "active"]
          ]
        )
      })
    )

    it.effect("keeps a version that is not made active as a draft", () =>
      Effect.gen(function* () {
        const store = yield* PromptStore
        const name = newName()
        const { version, prompt } = yield* revise(change(name, "draft"), false)
        assert.strictEqual(version.status, "draft")
        assert.isNull(prompt.active_version_id)
        const resolved = yield* store.resolve(PROJECT, name, undefined)
        assert.isTrue(Option.isNone(Option.getOrThrow(resolved).version))
      })
    )

    it.effect("makes the same content one version, and gives it the same id again", () =>
      Effect.gen(function* () {
        const name = newName()
        const first = yield* revise(change(name, "same"))
        yield* revise(change(name, "other"))
        const again = yield* revise(change(name, "same"))
        assert.strictEqual(again.decision._tag, "Reuse")
        assert.strictEqual(again.version.version_id, first.version.version_id)
        assert.strictEqual(again.prompt.active_version_id, first.version.version_id)
      })
    )

    it.effect("keeps description and owner that a change does not give", () =>
      Effect.gen(function* () {
        const name = newName()
        yield* revise(change(name, "a", { description: "first", owner_team: "core" }))
        const { prompt } = yield* revise(change(name, "b", { description: "second" }))
        assert.include(prompt, { description: "second", owner_team: "core" })
      })
    )

    it.effect("makes one version of the same content sent many times at once", () =>
      Effect.gen(function* () {
        const store = yield* PromptStore
        const name = newName()
        const revisions = yield* Effect.all(
          Array.from({ length: 12 }, () => revise(change(name, "same"))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(revisions.map(({ version }) => version.version_id)).size, 1)
        const { prompt_id } = revisions[0]!.prompt
        assert.lengthOf(yield* store.versions(prompt_id, { limit: 10 }), 1)
      })
    )

    it.effect("numbers different contents sent at once without a gap", () =>
      Effect.gen(function* () {
        const store = yield* PromptStore
        const name = newName()
        const revisions = yield* Effect.all(
          Array.from({ length: 12 }, (_, index) => revise(change(name, `content ${index}`))),
          { concurrency: "unbounded" }
        )
        const versions = yield* store.versions(revisions[0]!.prompt.prompt_id, {
          limit: 20
        })
        assert.deepStrictEqual(
          versions.map(({ version_number }) => version_number),
          Array.from({ length: 12 }, (_, index) => 12 - index)
        )
        assert.lengthOf(
          versions.filter(({ status }) => status === "active"),
          1
        )
      })
    )

    it.effect("leaves exactly one active version when versions are activated at once", () =>
      Effect.gen(function* () {
        const store = yield* PromptStore
        const name = newName()
        const made = yield* Effect.forEach(["a", "b", "c", "d"], (content) => revise(change(name, content)))
        const { prompt_id } = made[0]!.prompt
        yield* Effect.forEach(made, ({ version }) => store.activate(prompt_id, version.version_id), {
          concurrency: "unbounded"
        })
        const versions = yield* store.versions(prompt_id, { limit: 10 })
        assert.lengthOf(
          versions.filter(({ status }) => status === "active"),
          1
        )
        const { prompt, version } = Option.getOrThrow(yield* store.resolve(PROJECT, name, undefined))
        assert.strictEqual(Option.getOrThrow(version).version_id, prompt.active_version_id)
      })
    )

    it.effect("revises many prompts together, or none", () =>
      Effect.gen(function* () {
        const store = yield* PromptStore
        const names = [newName("z"), newName("a"), newName("m")]
        const full = yield* revise(change(newName(), "full"))
        const changes = [...names, full.prompt.name].map((name) => change(name, name, { mode: "tracking" }))
        const refused = yield* store
          .revise(PROJECT, changes, (facts) =>
            Effect.gen(function* () {
              for (const { prompt } of facts) yield* requireMode(prompt!, "register")
              return yield* decide(facts)
            })
          )
          .pipe(Effect.flip)
        assert.strictEqual(refused._tag, "ModeMismatch")
        for (const name of names) assert.isTrue(Option.isNone(yield* store.resolve(PROJECT, name, undefined)))

        const revisions = yield* store.revise(PROJECT, changes.slice(0, 3), decide)
        assert.deepStrictEqual(
          revisions.map(({ prompt, version }) => [prompt.name, version.version_number]),
          names.map((name) => [name, 1])
        )
      })
    )

    it.effect("lets revisions of overlapping sets of prompts through in any order", () =>
      Effect.gen(function* () {
        const store = yield* PromptStore
        const names = Array.from({ length: 6 }, () => newName())
        yield* Effect.forEach(
          Array.from({ length: 8 }, (_, round) => round),
          (round) => {
            const order = round % 2 === 0 ? names : names.toReversed()
            return store.revise(
              PROJECT,
              order.map((name) => change(name, `${name} in round ${round}`)),
              decide
            )
          },
          { concurrency: "unbounded" }
        )
        for (const name of names) {
          const { prompt } = Option.getOrThrow(yield* store.resolve(PROJECT, name, undefined))
          assert.lengthOf(yield* store.versions(prompt.prompt_id, { limit: 20 }), 8)
        }
      })
    )

    it.effect("tells facts in the order of the changes", () =>
      Effect.gen(function* () {
        const store = yield* PromptStore
        const known = yield* revise(change(newName(), "one"))
        yield* revise(change(known.prompt.name, "two"))
        const facts = yield* store.facts(PROJECT, [
          change(newName(), "new"),
          change(known.prompt.name, "one"),
          change(known.prompt.name, "three")
        ])
        assert.deepStrictEqual(
          facts.map(({ prompt, same, active, latest_number }) => [
            prompt?.name,
            same?.version_number,
            active?.version_number,
            latest_number
          ]),
          [
            [undefined, undefined, undefined, 0],
            [known.prompt.name, 1, 2, 2],
            [known.prompt.name, undefined, 2, 2]
          ]
        )
      })
    )

    it.effect("resolves the active version, or the one of a number, and only in its project", () =>
      Effect.gen(function* () {
        const store = yield* PromptStore
        const name = newName()
        yield* revise(change(name, "one"))
        yield* revise(change(name, "two"))
        const contentOf = (number: number | undefined) =>
          Effect.map(store.resolve(PROJECT, name, number), (found) =>
            Option.getOrUndefined(Option.getOrThrow(found).version)
          )
        assert.strictEqual((yield* contentOf(undefined))?.template_source, "two")
        assert.strictEqual((yield* contentOf(1))?.template_source, "one")
        assert.isUndefined(yield* contentOf(3))
        assert.isTrue(Option.isNone(yield* store.resolve(OTHER_PROJECT, name, undefined)))
      })
    )

    it.effect("lists prompts by name, filtered and page by page", () =>
      Effect.gen(function* () {
        const store = yield* PromptStore
        const team = newName("team")
        const names = ["B", "a", "c/d", "Z"].map((letter) => `${team}/${letter}`)
        for (const name of names)
          yield* revise(change(name, name, { owner_team: team, description: `About ${name}` }))
        yield* revise(change(`${team}/tracked`, "x", { owner_team: team, mode: "tracking" }))

        const filter = { ...noFilter, owner_team: team }
        const first = yield* store.list(PROJECT, filter, { limit: 3 })
        const rest = yield* store.list(PROJECT, filter, { after: first.at(-1)!.name, limit: 10 })
        const found = [...first, ...rest].map(({ name }) => name)
        assert.deepStrictEqual(found, [...names, `${team}/tracked`].toSorted())

        const tracked = yield* store.list(PROJECT, { ...filter, mode: "tracking" }, { limit: 10 })
        assert.lengthOf(tracked, 1)
        const searched = yield* store.list(
          PROJECT,
          { ...noFilter, search: `ABOUT ${team}/c`.toUpperCase() },
          { limit: 10 }
        )
        assert.deepStrictEqual(
          searched.map(({ name }) => name),
          [`${team}/c/d`]
        )
        const search = `${team}/c/d about`
        assert.isEmpty(yield* store.list(PROJECT, { ...noFilter, search }, { limit: 10 }))
      })
    )

    it.effect("tells the history newest first, with the number of executions of each version", () =>
      Effect.gen(function* () {
        const store = yield* PromptStore
        const executions = yield* ExecutionStore
        const name = newName()
        const first = yield* revise(change(name, "one"))
        const second = yield* revise(change(name, "two"))
        for (const of of [first, second, second])
          yield* executions.insert(yield* newExecution(of), Duration.seconds(30))
        const history = yield* store.history(first.prompt.prompt_id, { limit: 10 })
        assert.deepStrictEqual(
          history.map(({ version_number, template_source, execution_count }) => [
            version_number,
            template_source,
            execution_count
          ]),
          [
            [2, "two", 2],
            [1, "one", 1]
          ]
        )
        const older = yield* store.history(first.prompt.prompt_id, { after: 2, limit: 10 })
        assert.lengthOf(older, 1)
      })
    )

    it.effect("refuses any change of a version but of its status", () =>
      Effect.gen(function* () {
        const { write } = yield* Database
        const { version } = yield* revise(change(newName(), "fixed"))
        const refused = yield* write`
          UPDATE prompt_versions SET template_source = 'changed' WHERE version_id = ${version.version_id}`.pipe(
          Effect.flip
        )
        assert.strictEqual(refused.reason._tag, "ConstraintError")
      })
    )
  })
