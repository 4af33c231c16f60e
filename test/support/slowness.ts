import lexer from "nunjucks/src/lexer.js"
import parser from "nunjucks/src/parser.js"

/** Milliseconds of work that the reference takes where the promises were measured. */
const REFERENCE = 2
const SOURCE = "{% for a in b %}{{ a.c|d(1) + 2 }}, and {% if a %}text{% endif %}{% endfor %}\n".repeat(250)
const RUNS = 8

/** The milliseconds that this thread was at work; others on the machine do not count. */
export const worked = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

const once = (): number => {
  const start = worked()
  new parser.Parser(lexer.lex(SOURCE)).parseAsRoot()
  return worked() - start
}

/** How many times slower than there work is here: by the machine, or by what measures coverage. */
export const slowness = Math.max(1, Math.min(...Array.from({ length: RUNS }, once)) / REFERENCE)
