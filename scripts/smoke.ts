/*
 * Runs the README's session as a newcomer would, against `npm start` with an empty data folder, and compares what comes
 * back with what the README says: every member that it shows must be there, with that value or any where it says "…".
 */
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const ROOT = join(import.meta.dirname, "..")
const readme = readFileSync(join(ROOT, "README.md"), "utf8")

/** What stands between the answers of two steps. */
const MARK = "-- next --"

interface Step {
  readonly title: string
  readonly commands: string
  readonly expected: unknown
}

const session = (): ReadonlyArray<Step> => {
  const text = /<!-- session -->(.*)<!-- \/session -->/s.exec(readme)![1]!
  const blocks = [...text.matchAll(/([^\n]*)\n\n```sh\n(.*?)```(?:\n\n```json\n(.*?)```)?/gs)]
  return blocks.map(([, title, commands, json]) => ({
    title: title!,
    commands: commands!,
    expected: json === undefined ? undefined : JSON.parse(json)
  }))
}

/** What differs between what the README shows and what came; nothing when all that it shows is there. */
const difference = (expected: unknown, actual: unknown, path = ""): string | undefined => {
  if (expected === "…") return actual === undefined ? `${path} is not there` : undefined
  if (typeof expected === "object" && expected !== null) {
    if (typeof actual !== "object" || actual === null) return `${path} is ${JSON.stringify(actual)}`
    for (const [key, value] of Object.entries(expected)) {
      const found = difference(value, (actual as Record<string, unknown>)[key], `${path}/${key}`)
      if (found !== undefined) return found
    }
    return undefined
  }
  return expected === actual
    ? undefined
    : `${path} is ${JSON.stringify(actual)} and not ${JSON.stringify(expected)}`
}

const dataDir = mkdtempSync(join(tmpdir(), "promptledger-smoke-"))
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(?:API_KEY|DATABASE_URL|REDIS_URL|OPENAI_)/.test(name))
)
const service = spawn("npm", ["start"], {
  cwd: ROOT,
  env: { ...environment, PORT: "0", DATA_DIR: dataDir },
  stdio: ["ignore", "pipe", "inherit"],
  // A group of its own: npm does not hand signals on to what it started.
  detached: true
})
let output = ""
const ended = new Promise<void>((resolve) => service.once("close", () => resolve()))
const ready = new Promise<string>((resolve, reject) => {
  service.stdout.on("data", (data: Buffer) => {
    output += data.toString()
    const url = /listens on (http:\S+\d)/.exec(output)?.[1]
    if (url !== undefined) resolve(url)
  })
  service.once("close", () => reject(new Error(`npm start ended, and said:\n${output}`)))
})

try {
  const url = await ready
  const [key] = /pl_\S+/.exec(output)!
  const steps = session()
  const script = ["set -euo pipefail", ...steps.map(({ commands }) => `${commands}\necho; echo ${MARK}`)]
    .join("\n")
    .replace(/^KEY=.*$/m, `KEY=${key}`)
    .replace(/^URL=.*$/m, `URL=${url}`)
  const { stdout, stderr, status } = spawnSync("bash", ["-c", script], { encoding: "utf8" })
  if (status !== 0) throw new Error(`the session ended with ${status}\n${stdout}${stderr}`)
  for (const [index, answer] of stdout.split(MARK).slice(0, -1).entries()) {
    const { title, expected } = steps[index]!
    const found = expected === undefined ? undefined : difference(expected, JSON.parse(answer))
    if (found !== undefined) throw new Error(`${title}\n${found}, in:${answer}`)
    console.log(`✓ ${title}`)
  }

  const [, snippet] = /<!-- examples\/library\.ts -->\n\n```ts\n(.*?)```/s.exec(readme)!
  if (snippet !== readFileSync(join(ROOT, "examples/library.ts"), "utf8")) {
    throw new Error("the README's library example is not examples/library.ts")
  }
  const example = spawnSync("node", ["--conditions=promptledger-source", "examples/library.ts"], {
    cwd: ROOT,
    encoding: "utf8"
  })
  if (!example.stdout.includes("[echo] Hello Ada!")) throw new Error(example.stdout + example.stderr)
  console.log("✓ the library example")
} finally {
  process.kill(-service.pid!, "SIGTERM")
  await ended
  rmSync(dataDir, { recursive: true, force: true })
}
