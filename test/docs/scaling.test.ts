import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { BY_KEY, STARTUP } from "../../src/layers/postgres/Database.ts"

const page = readFileSync(join(import.meta.dirname, "../../docs/scaling.md"), "utf8")

describe("docs/scaling.md", () => {
  it("tells PgBouncer of every startup parameter", () => {
    const [, ignored] = /^ *ignore_startup_parameters = (.+)$/m.exec(page)!
    assert.sameMembers(ignored!.split(", "), Object.keys({ ...STARTUP, ...BY_KEY }))
  })

  it("has the account set what every connection asks for", () => {
    const set = Array.from(page.matchAll(/^ *ALTER ROLE promptledger SET (\w+) = /gm), ([, name]) => name)
    assert.sameMembers(set, Object.keys(STARTUP))
  })
})
