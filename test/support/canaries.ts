import { appendFileSync } from "node:fs"
import { inject } from "vitest"

/** The API key that the suite's services have. */
export const KEY = "a-key-for-the-tests"
/** The provider's key that they have. */
export const PROVIDER_KEY = "sk-test-0123456789abcdef"

/** What must stand in no log line and no error, whatever the suite does: keys, and the texts that most tests use. */
const CANARIES: Readonly<Record<string, RegExp>> = {
  "the API key": new RegExp(KEY),
  "the provider's key": new RegExp(PROVIDER_KEY),
  "a template": /Hello \{\{/,
  "a variable, or a prompt with it": /\bAda\b/
}

/** The canaries that a text has. */
export const canariesIn = (text: string): ReadonlyArray<string> =>
  Object.entries(CANARIES).flatMap(([name, canary]) => (canary.test(text) ? [name] : []))

/** Looks through what a service has let out. What it finds fails the whole run, when that is over. */
export const watch = (source: string, text: string): void => {
  const found = canariesIn(text)
  if (found.length > 0) {
    appendFileSync(inject("leaks"), `${source} has ${found.join(" and ")}: ${text.slice(0, 500)}\n`)
  }
}
