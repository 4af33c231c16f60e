import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const textOf = (file: string) => readFileSync(join(import.meta.dirname, "..", file), "utf8")
const read = (file: string) => JSON.parse(textOf(file))

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

describe("the container", () => {
  it("is run by an account without rights, and without npm's scripts", () => {
    const lines = textOf("Dockerfile").split("\n")
    const last = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")))
    assert.deepStrictEqual(
      last.filter((line) => line.startsWith("USER ")),
      ["USER node"]
    )
    assert.match(last.at(-2)!, /^CMD \["node", .*"--disallow-code-generation-from-strings"/)
    assert.include(textOf("Dockerfile"), "npm prune --omit=dev --ignore-scripts")
  })

  it("has a read-only root and no capabilities in the compose file, API and worker alike", () => {
    const compose = textOf("docker-compose.yml")
    const [, shared] = /^x-service: &service\n((?: .*\n)+)/m.exec(compose)!
    for (const setting of [
      "  read_only: true\n",
      "  tmpfs:\n    - /tmp\n",
      "  cap_drop:\n    - ALL\n",
      "  security_opt:\n    - no-new-privileges:true\n"
    ]) {
      assert.include(shared, setting)
    }
    for (const service of ["api", "worker"]) {
      const [, own] = new RegExp(`^  ${service}:\n((?: {4}.*\n)+)`, "m").exec(compose)!
      assert.include(own, "    <<: *service\n")
      assert.notMatch(own!, /read_only|cap_|security_opt|privileged|user:/)
    }
  })

  it("has a Redis that forgets nothing", () => {
    assert.include(
      textOf("docker-compose.yml"),
      'command: ["redis-server", "--appendonly", "yes", "--maxmemory-policy", "noeviction"]'
    )
  })
})
