/*
 * Asks the registry for known faults of what is installed, and fails on those that are not explained here. A registry
 * that answers no such question is said to; that is not an answer.
 */
import { spawnSync } from "node:child_process"

/** Findings that do no harm here, by package and title of the advisory, and why. SECURITY.md tells the same. */
const EXPLAINED: Readonly<Record<string, string>> = {}

interface Finding {
  readonly name?: string
  readonly title?: string
  readonly severity?: string
  readonly url?: string
}

interface Audit {
  readonly message?: string
  readonly vulnerabilities?: Readonly<Record<string, { readonly via: ReadonlyArray<Finding | string> }>>
}

const { stdout } = spawnSync("npm", ["audit", "--json"], { encoding: "utf8" })
const { message, vulnerabilities }: Audit = JSON.parse(stdout)

if (vulnerabilities === undefined) {
  console.log(`npm audit was not answered: ${message}`)
} else {
  const findings = Object.values(vulnerabilities)
    .flatMap(({ via }) => via)
    .filter((finding) => typeof finding !== "string")
  for (const { name, title, severity, url } of findings) {
    const why = EXPLAINED[`${name}: ${title}`]
    if (why === undefined) process.exitCode = 1
    console.log(`${severity} ${name}: ${title} (${url})${why === undefined ? "" : `\n  explained: ${why}`}`)
  }
  console.log(`npm audit: ${findings.length} findings`)
}
