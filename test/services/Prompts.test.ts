import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { sha256 } from "../../src/domain/checksum.ts"
import * as PromptLedger from "../../src/layers/PromptLedger.ts"
import { Database } from "../../src/layers/postgres/Database.ts"
import { Prompts } from "../../src/services/Prompts.ts"
import { Templates } from "../../src/services/Templates.ts"
import type { CodePrompt } from "../../src/domain/requests.ts"
import { newDatabase } from "../support/database.ts"
import { newName, PROJECT } from "../support/ledger.ts"
import { register, upsert } from "../support/service.ts"

const service = Layer.unwrap(Effect.map(newDatabase, (url) => PromptLedger.layerPostgres({ url })))

const code = (name: string, template_source: string, template_hash?: string): CodePrompt => ({
  name,
  template_source,
  template_hash
})

const numbersOf = (name: string) =>
  Prompts.use(({ versions }) =>
    Effect.map(versions(PROJECT, name, { limit: 200 }), ({ items }) =>
      items.map(({ version_number }) => version_number).toReversed()
    )
  )

const WRITERS = 20
const atOnce = <A, E, R>(of: (index: number) => Effect.Effect<A, E, R>) =>
  Effect.forEach(
    Array.from({ length: WRITERS }, (_, index) => index),
    of,
    { concurrency: "unbounded" }
  )

layer(service, { timeout: "60 seconds", excludeTestServices: true })("Prompts", (it) => {
  it.effect("check the template of a registration once: not again while others wait for its locks", () =>
    Effect.gen(function* () {
      const templates = yield* Templates
      const asked: Array<string> = []
      const counted = Layer.succeed(Templates, {
        get: (version) => {
          asked.push(version.template_source)
          return templates.get(version)
        }
      })
      const sources = ["one", "two", "three"]
      const given = sources.map((source) => code(newName(), source))
      yield* Prompts.use((prompts) => prompts.register(PROJECT, given)).pipe(
        Effect.provide(Layer.fresh(Prompts.layer).pipe(Layer.provide(counted)))
      )
      assert.deepStrictEqual(asked, sources)
    })
  )

  describe("many writers at once", () => {
    it.effect("make one version of the same content", () =>
      Effect.gen(function* () {
        const [full, tracking] = [newName(), newName()]
        const upserts = yield* atOnce(() => upsert(full, "same"))
        assert.lengthOf(
          upserts.filter(({ created }) => created),
          1
        )
        assert.strictEqual(new Set(upserts.map(({ version }) => version.version_id)).size, 1)
        yield* atOnce(() => register(tracking, "same"))
        for (const name of [full, tracking]) assert.deepStrictEqual(yield* numbersOf(name), [1])
      })
    )

    it.effect("make consecutive versions of different contents, with no gap and no error", () =>
      Effect.gen(function* () {
        const [full, tracking] = [newName(), newName()]
        yield* Effect.all(
          [atOnce((index) => upsert(full, `${index}`)), atOnce((index) => register(tracking, `${index}`))],
          {
            concurrency: 2
          }
        )
        const expected = Array.from({ length: WRITERS }, (_, index) => index + 1)
        for (const name of [full, tracking]) assert.deepStrictEqual(yield* numbersOf(name), expected)
      })
    )

    it.effect("register overlapping sets in different orders without a deadlock", () =>
      Effect.gen(function* () {
        const prompts = yield* Prompts
        const names = Array.from({ length: 10 }, () => newName())
        yield* atOnce((index) => {
          const order = index % 2 === 0 ? names : names.toReversed()
          return prompts.register(
            PROJECT,
            order.map((name) => code(name, `${index}`))
          )
        })
        for (const name of names) assert.lengthOf(yield* numbersOf(name), WRITERS)
      })
    )

    it.effect("leave one active version, whatever they make active", () =>
      Effect.gen(function* () {
        const prompts = yield* Prompts
        const name = newName()
        for (let number = 1; number <= 4; number++) yield* upsert(name, `${number}`)
        yield* atOnce((index) => prompts.activate(PROJECT, name, (index % 4) + 1))
        const { items } = yield* prompts.versions(PROJECT, name, { limit: 10 })
        const active = items.filter(({ status }) => status === "active")
        assert.lengthOf(active, 1)
        const { prompt } = yield* prompts.get(PROJECT, name)
        assert.strictEqual(prompt.active_version_id, active[0]!.version_id)
      })
    )

    it.effect("keep to one mode when both modes want the same new name", () =>
      Effect.gen(function* () {
        const name = newName()
        const outcomes = yield* atOnce((index) =>
          Effect.result<unknown, { readonly _tag: string }, Prompts>(
            index % 2 === 0 ? upsert(name, `${index}`) : register(name, `${index}`)
          )
        )
        const { prompt } = yield* Prompts.use(({ get }) => get(PROJECT, name))
        for (const [index, outcome] of outcomes.entries()) {
          const fits = (index % 2 === 0) === (prompt.mode === "full")
          assert.strictEqual(outcome._tag, fits ? "Success" : "Failure")
        }
      })
    )
  })

  it.effect("says which mode a prompt is in before it says what is wrong with the template", () =>
    Effect.gen(function* () {
      const [full, tracking] = [newName(), newName()]
      yield* upsert(full, "x")
      yield* register(tracking, "x")
      assert.strictEqual((yield* Effect.flip(upsert(tracking, "{% if %}")))._tag, "ModeMismatch")
      const refused = yield* Effect.flip(register(full, "{% if %}"))
      assert(refused._tag === "RegistrationRefused")
      assert.strictEqual(refused.faults[0]!.fault._tag, "ModeMismatch")
    })
  )

  it.effect("writes nothing when a registration changes nothing", () =>
    Effect.gen(function* () {
      const prompts = yield* Prompts
      const name = newName()
      yield* register(name, "x")
      const before = yield* prompts.get(PROJECT, name)
      const again = yield* register(name, "x")
      assert.deepInclude(again[0], { version: 1, change_detected: false })
      assert.deepStrictEqual(yield* prompts.get(PROJECT, name), before)
    })
  )

  it.effect("changes a description without making a version, and keeps the one that is not given anew", () =>
    Effect.gen(function* () {
      const prompts = yield* Prompts
      const [full, tracking] = [newName(), newName()]
      const given = { template_source: "x" }
      yield* prompts.upsert(PROJECT, full, { ...given, description: "one", owner_team: "a" })
      yield* prompts.upsert(PROJECT, full, { ...given, description: "two" })
      yield* prompts.register(PROJECT, [code(tracking, "x")])
      yield* prompts.register(
        PROJECT,
        [{ ...code(tracking, "x"), description: "two", owner_team: "a" }],
        false
      )
      for (const name of [full, tracking]) {
        const { prompt } = yield* prompts.get(PROJECT, name)
        assert.include(prompt, { description: "two", owner_team: "a" })
        assert.deepStrictEqual(yield* numbersOf(name), [1])
      }
    })
  )

  it.effect("takes the hash that fits, and refuses one that does not", () =>
    Effect.gen(function* () {
      const prompts = yield* Prompts
      const source = "é 🙂\r\n"
      const name = newName()
      const [registered] = yield* prompts.register(PROJECT, [code(name, source, sha256(source))], true)
      assert.strictEqual(registered!.template_hash, sha256(source))
      const refused = yield* Effect.flip(
        prompts.register(PROJECT, [code(name, source, sha256("other"))], true)
      )
      assert(refused._tag === "RegistrationRefused")
      assert.deepInclude(refused.faults[0]!.fault, {
        _tag: "TemplateHashMismatch",
        expected: sha256("other"),
        actual: sha256(source)
      })
    })
  )

  it.effect("refuses what no prompt may be, with every fault, and keeps nothing of it", () =>
    Effect.gen(function* () {
      const prompts = yield* Prompts
      const bad = { template_source: "x\0", description: "", owner_team: "a".repeat(256) }
      const upserted = yield* Effect.flip(prompts.upsert(PROJECT, "..", bad))
      assert(upserted._tag === "InvalidRequest")
      assert.deepStrictEqual(
        upserted.errors.map(({ path }) => path.join()),
        ["name", "template_source", "description", "owner_team"]
      )
      const name = newName()
      const registered = yield* Effect.flip(
        prompts.register(PROJECT, [code(name, "x"), code("a b", "x", "no hash")])
      )
      assert(registered._tag === "InvalidRequest")
      assert.strictEqual(
        registered.message,
        "1.name: Expected 1 to 255 characters of letters, digits, '_', '.', '-' and '/'; 1.template_hash: Expected 64 lowercase hexadecimal digits"
      )
      assert.strictEqual((yield* Effect.flip(prompts.get(PROJECT, name)))._tag, "PromptNotFound")
    })
  )

  it.effect("knows no prompt of a name that can't be stored", () =>
    Effect.gen(function* () {
      const prompts = yield* Prompts
      for (const prompt_name of ["a\0", "a\ud800"]) {
        const error = yield* Effect.flip(prompts.get(PROJECT, prompt_name))
        assert.deepInclude(error, { _tag: "PromptNotFound", prompt_name })
        const other = yield* Effect.flip(prompts.version(PROJECT, prompt_name, 1))
        assert.strictEqual(other._tag, "PromptNotFound")
      }
    })
  )

  it.effect("has no page of no items", () =>
    Effect.gen(function* () {
      const { list } = yield* Prompts
      for (const limit of [0, -1, 1.5]) {
        const exit = yield* Effect.exit(list(PROJECT, {}, { limit }))
        assert.include(String(exit), "limit: Expected an integer of at least 1")
      }
    })
  )

  it.effect("shows a stored template that breaks the rules of today, without its variables", () =>
    Effect.gen(function* () {
      const prompts = yield* Prompts
      const { write: sql } = yield* Database
      const name = newName()
      const { prompt } = yield* upsert(name, "x")
      const old = "{{ a.b() }}"
      yield* Effect.orDie(sql`
        INSERT INTO prompt_versions (version_id, prompt_id, version_number, status, template_source, checksum_hash)
        VALUES (${crypto.randomUUID()}, ${prompt.prompt_id}, 2, 'draft', ${old}, ${sha256(old)})`)
      const version = yield* prompts.version(PROJECT, name, 2)
      assert.deepInclude(version, { template_source: old, variables: [] })
    })
  )
})
