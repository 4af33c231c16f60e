import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import { apiLayer, call, pagesOf } from "../support/api.ts"
import { newName } from "../support/ledger.ts"

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex")
const put = (name: string, template_source: string, more: object = {}) =>
  call("PUT", `/v1/prompts/${name}`, { body: { template_source, ...more } })
const registerCode = (prompts: ReadonlyArray<object>, more: object = {}) =>
  call("POST", "/v1/prompts/register-code", { body: { prompts, ...more } })
const execute = (name: string, variables: object = {}) =>
  call("POST", `/v1/prompts/${name}/execute`, { body: { variables } })

layer(apiLayer, { timeout: "60 seconds", excludeTestServices: true })("prompts over HTTP", (it) => {
  describe("PUT /v1/prompts/{name}", () => {
    it.effect("creates with 201, and answers 200 from then on", () =>
      Effect.gen(function* () {
        const name = newName()
        const created = yield* put(name, "Hello {{ name }}", {
          description: "greets",
          owner_team: "growth",
          created_by: "ada"
        })
        assert.strictEqual(created.status, 201)
        assert.deepInclude(created.body, { created: true, version_change: "created" })
        assert.deepInclude(created.body.prompt, {
          name,
          mode: "full",
          description: "greets",
          owner_team: "growth"
        })
        assert.deepInclude(created.body.version, {
          version_number: 1,
          checksum_hash: sha256("Hello {{ name }}"),
          status: "active",
          created_by: "ada"
        })
        assert.strictEqual(created.body.prompt.active_version_id, created.body.version.version_id)

        const same = yield* put(name, "Hello {{ name }}")
        assert.deepInclude(same, { status: 200 })
        assert.deepInclude(same.body, {
          created: false,
          version_change: "unchanged",
          prompt: created.body.prompt
        })

        const changed = yield* put(name, "Hi {{ name }}")
        assert.deepInclude(changed.body, { version_change: "created" })
        assert.deepInclude(changed.body.version, { version_number: 2, status: "active" })

        const reverted = yield* put(name, "Hello {{ name }}")
        assert.deepInclude(reverted.body, { version_change: "reused" })
        assert.deepInclude(reverted.body.version, { version_number: 1, status: "active" })
      })
    )

    it.effect("leaves the active version be when told to", () =>
      Effect.gen(function* () {
        const name = newName()
        yield* put(name, "one")
        const { body } = yield* put(name, "two", { set_active: false })
        assert.deepInclude(body.version, { version_number: 2, status: "draft" })
        const now = yield* call("GET", `/v1/prompts/${name}`)
        assert.strictEqual(now.body.active_version.version_number, 1)
      })
    )

    it.effect("takes a name with slashes, encoded", () =>
      Effect.gen(function* () {
        const name = `team/${newName()}`
        assert.strictEqual((yield* put(encodeURIComponent(name), "x")).status, 201)
        const { body } = yield* call("GET", `/v1/prompts/${encodeURIComponent(name)}`)
        assert.strictEqual(body.prompt.name, name)
      })
    )
  })

  describe("GET /v1/prompts/{name}", () => {
    it.effect("answers with the active version, its template and its variables", () =>
      Effect.gen(function* () {
        const name = newName()
        yield* put(name, "Hello {{ name }} {{ title | default('') }}")
        const { status, body } = yield* call("GET", `/v1/prompts/${name}`)
        assert.strictEqual(status, 200)
        assert.deepInclude(body.active_version, {
          template_source: "Hello {{ name }} {{ title | default('') }}",
          variables: [
            { name: "name", required: true },
            { name: "title", required: false }
          ]
        })
      })
    )

    it.effect("has null for a prompt that nothing is active of", () =>
      Effect.gen(function* () {
        const name = newName()
        yield* put(name, "x", { set_active: false })
        const { body } = yield* call("GET", `/v1/prompts/${name}`)
        assert.isNull(body.active_version)
        assert.isNull(body.prompt.active_version_id)
      })
    )
  })

  describe("GET /v1/prompts", () => {
    it.effect("pages through by name, and filters", () =>
      Effect.gen(function* () {
        const team = newName()
        const names = [newName(), newName(), newName(), newName(), newName()].toSorted()
        for (const name of names.slice(0, 4)) yield* put(name, "x", { owner_team: team })
        yield* registerCode([{ name: names[4], template_source: "x", owner_team: team }])

        const pages = yield* pagesOf(`/v1/prompts?owner_team=${team}&limit=2`, "prompts")
        assert.deepStrictEqual(
          pages.map((page) => page.map(({ name }) => name)),
          [names.slice(0, 2), names.slice(2, 4), names.slice(4)]
        )

        const tracking = yield* call("GET", `/v1/prompts?owner_team=${team}&mode=tracking`)
        assert.deepStrictEqual(
          tracking.body.prompts.map(({ name }: { name: string }) => name),
          [names[4]]
        )
        const found = yield* call("GET", `/v1/prompts?search=${names[1]!.slice(3)}`)
        assert.lengthOf(found.body.prompts, 1)
      })
    )
  })

  describe("versions", () => {
    it.effect("are listed newest first, page by page, and shown one by one with their template", () =>
      Effect.gen(function* () {
        const name = newName()
        for (const text of ["one", "two", "three"]) yield* put(name, text, { created_by: "ada" })
        const first = yield* call("GET", `/v1/prompts/${name}/versions?limit=2`)
        assert.deepStrictEqual(
          first.body.versions.map((version: { version_number: number; status: string }) => [
            version.version_number,
            version.status
          ]),
          [
            [3, "active"],
            [2, "deprecated"]
          ]
        )
        assert.hasAllKeys(first.body.versions[0], [
          "version_id",
          "version_number",
          "status",
          "checksum_hash",
          "created_by",
          "created_at"
        ])
        const second = yield* call(
          "GET",
          `/v1/prompts/${name}/versions?limit=2&cursor=${first.body.next_cursor}`
        )
        assert.lengthOf(second.body.versions, 1)
        assert.isNull(second.body.next_cursor)
        const one = yield* call("GET", `/v1/prompts/${name}/versions/1`)
        assert.deepInclude(one.body, { version_number: 1, template_source: "one", variables: [] })
      })
    )

    it.effect("are made active again", () =>
      Effect.gen(function* () {
        const name = newName()
        for (const text of ["one", "two"]) yield* put(name, text)
        const { status, body } = yield* call("POST", `/v1/prompts/${name}/versions/1:activate`)
        assert.strictEqual(status, 200)
        assert.deepInclude(body.active_version, {
          version_number: 1,
          status: "active",
          template_source: "one"
        })
        assert.strictEqual((yield* call("GET", `/v1/prompts/${name}/versions/2`)).body.status, "deprecated")
        const again = yield* call("POST", `/v1/prompts/${name}/versions/1:activate`)
        assert.deepStrictEqual(again.body, body)
      })
    )
  })

  describe("POST /v1/prompts/register-code", () => {
    it.effect("registers all, detects what changed, and a revert", () =>
      Effect.gen(function* () {
        const [a, b] = [newName(), newName()]
        const register = (text: string) =>
          registerCode([
            { name: a, template_source: text, template_hash: sha256(text) },
            { name: b, template_source: "stays" }
          ])
        const first = yield* register("one")
        assert.strictEqual(first.status, 200)
        assert.deepStrictEqual(first.body, {
          registered: [
            {
              name: a,
              mode: "tracking",
              version: 1,
              template_hash: sha256("one"),
              change_detected: false,
              previous_version: null
            },
            {
              name: b,
              mode: "tracking",
              version: 1,
              template_hash: sha256("stays"),
              change_detected: false,
              previous_version: null
            }
          ],
          dry_run: false
        })
        const changed = (yield* register("two")).body.registered
        assert.deepInclude(changed[0], { version: 2, change_detected: true, previous_version: 1 })
        assert.deepInclude(changed[1], { version: 1, change_detected: false, previous_version: null })
        const reverted = (yield* register("one")).body.registered
        assert.deepInclude(reverted[0], { version: 1, change_detected: true, previous_version: 2 })
        assert.deepInclude((yield* register("one")).body.registered[0], {
          version: 1,
          change_detected: false
        })
      })
    )

    it.effect("says what would change, and changes nothing, in a dry run", () =>
      Effect.gen(function* () {
        const [known, unknown] = [newName(), newName()]
        yield* registerCode([{ name: known, template_source: "one" }])
        const { body } = yield* registerCode(
          [
            { name: known, template_source: "two" },
            { name: unknown, template_source: "x" }
          ],
          { dry_run: true }
        )
        assert.isTrue(body.dry_run)
        assert.deepInclude(body.registered[0], { version: 2, change_detected: true, previous_version: 1 })
        assert.deepInclude(body.registered[1], { version: 1, change_detected: false })
        assert.strictEqual((yield* call("GET", `/v1/prompts/${unknown}`)).status, 404)
        assert.lengthOf((yield* call("GET", `/v1/prompts/${known}/versions`)).body.versions, 1)
      })
    )

    it.effect("registers none of them when one is at fault, and lists every fault", () =>
      Effect.gen(function* () {
        const [good, full, twice] = [newName(), newName(), newName()]
        yield* put(full, "x")
        const { status, body } = yield* registerCode([
          { name: good, template_source: "x" },
          { name: full, template_source: "x" },
          { name: newName(), template_source: "x", template_hash: sha256("y") },
          { name: newName(), template_source: "{% if %}" },
          { name: newName(), template_source: "{{ a() }}" },
          { name: twice, template_source: "x" },
          { name: twice, template_source: "y" }
        ])
        assert.strictEqual(status, 400)
        assert.deepInclude(body, {
          code: "RegistrationRefused",
          detail: "Nothing was registered: 5 prompts are at fault."
        })
        assert.deepStrictEqual(
          body.faults.map(({ index, code }: { index: number; code: string }) => [index, code]),
          [
            [1, "ModeMismatch"],
            [2, "TemplateHashMismatch"],
            [3, "TemplateSyntaxError"],
            [4, "TemplateForbidden"],
            [6, "DuplicatePrompt"]
          ]
        )
        assert.strictEqual(
          body.faults[0].detail,
          `Prompt '${full}' is in full mode. Use PUT /v1/prompts/${full} instead.`
        )
        assert.strictEqual((yield* call("GET", `/v1/prompts/${good}`)).status, 404)
      })
    )

    it.effect("takes a thousand prompts and no more", () =>
      Effect.gen(function* () {
        const prefix = newName()
        const prompts = Array.from({ length: 1_001 }, (_, index) => ({
          name: `${prefix}-${index}`,
          template_source: `Prompt ${index}`
        }))
        const { status, body } = yield* registerCode(prompts.slice(1))
        assert.strictEqual(status, 200)
        assert.lengthOf(body.registered, 1_000)
        const refused = yield* registerCode(prompts)
        assert.strictEqual(refused.status, 400)
        assert.deepInclude(refused.body, { code: "BadRequest" })
        assert.deepStrictEqual(refused.body.errors[0].path, ["payload", "prompts"])
      })
    )
  })

  describe("GET /v1/prompts/{name}/history", () => {
    it.effect("tells every version with how often it was run, for both modes", () =>
      Effect.gen(function* () {
        const [full, tracking] = [newName(), newName()]
        yield* put(full, "one")
        yield* put(full, "two")
        yield* registerCode([{ name: tracking, template_source: "one" }])
        yield* registerCode([{ name: tracking, template_source: "two" }])
        yield* execute(tracking)
        yield* execute(tracking)
        for (const [name, mode, counts] of [
          [full, "full", [0, 0]],
          [tracking, "tracking", [2, 0]]
        ] as const) {
          const { body } = yield* call("GET", `/v1/prompts/${name}/history?mode=${mode}`)
          assert.deepInclude(body, { prompt_name: name, mode, current_version: 2, next_cursor: null })
          assert.deepStrictEqual(
            body.versions.map((version: Record<string, unknown>) => [
              version["version"],
              version["template_source"],
              version["template_hash"],
              version["execution_count"]
            ]),
            [
              [2, "two", sha256("two"), counts[0]],
              [1, "one", sha256("one"), counts[1]]
            ]
          )
          assert.strictEqual((yield* call("GET", `/v1/prompts/${name}/history`)).status, 200)
        }
        const paged = yield* call("GET", `/v1/prompts/${full}/history?limit=1`)
        const rest = yield* call(
          "GET",
          `/v1/prompts/${full}/history?limit=1&cursor=${paged.body.next_cursor}`
        )
        assert.strictEqual(rest.body.versions[0].version, 1)
      })
    )

    it.effect("has pages of at most 4 MiB of templates, or of one version", () =>
      Effect.gen(function* () {
        const name = newName()
        for (let number = 1; number <= 24; number++) yield* put(name, `${number}`.padEnd(200_000, "x"))
        const pages = yield* pagesOf(`/v1/prompts/${name}/history?limit=200`, "versions")
        assert.deepStrictEqual(
          pages.map((page) => page.map(({ version }) => version)),
          [Array.from({ length: 20 }, (_, index) => 24 - index), [4, 3, 2, 1]]
        )
      })
    )
  })
})
