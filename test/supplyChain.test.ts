import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const read = (file: string) => JSON.parse(readFileSync(join(import.meta.dirname, "..", file), "utf8"))

interface Locked {
  readonly version: string
  readonly resolved?: string
  readonly integrity?: string
  readonly hasInstallScript?: true
  readonly optional?: true
  readonly os?: ReadonlyArray<string>
}

const EXACT = /^\d+\.\d+\.\d+$/
const manifest = read("package.json")
const { "": root, ...packages } = read("package-lock.json").packages
const locked: Record<string, Locked> = packages
const wanted: Record<string, string> = { ...manifest.dependencies, ...manifest.devDependencies }

describe("what is installed", () => {
  it("is asked for by its exact version, and the lock file has that one", () => {
    for (const [name, version] of Object.entries(wanted)) {
      assert.match(version, EXACT, name)
      assert.strictEqual(locked[`node_modules/${name}`]?.version, version, name)
    }
    assert.deepInclude(root, {
      dependencies: manifest.dependencies,
      devDependencies: manifest.devDependencies
    })
  })

  it("comes from the registry, and is known by its hash", () => {
    const isFromElsewhere = ({ resolved }: Locked) =>
      resolved !== undefined && !resolved.startsWith("https://registry.npmjs.org/")
    // The parts for other platforms were locked by their versions alone.
    const isUnknown = ({ integrity, optional, os }: Locked) =>
      integrity === undefined ? !optional || !os : !integrity.startsWith("sha512-")
    const astray = Object.entries(locked).filter(([, entry]) => isFromElsewhere(entry) || isUnknown(entry))
    assert.deepStrictEqual(astray, [])
  })

  it("runs a script only when it is allowed by name, or refused by name", () => {
    const scripted = Object.entries(locked)
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.replace(/^.*node_modules\//, ""))
    assert.includeMembers(Object.keys(manifest.allowScripts), scripted)
    const allowed = Object.entries(manifest.allowScripts).filter(([, allow]) => allow)
    assert.deepStrictEqual(allowed, [["node", true]])
  })
})
