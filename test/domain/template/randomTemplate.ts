import { filters } from "../../../src/domain/template/filters.ts"
import { functions } from "../../../src/domain/template/functions.ts"
import { tests } from "../../../src/domain/template/tests.ts"
import type { Random } from "../../support/Random.ts"
import * as vocabulary from "./vocabulary.ts"

interface Callee {
  readonly parameters: ReadonlyArray<string>
  readonly required: number
}

const DEEPEST = 4
const MACROS: ReadonlyArray<string> = ["m", "m2"]
const macro: Callee = { parameters: ["a", "b"], required: 0 }
/** Its arguments have no names. */
const positional: Callee = { parameters: ["a", "b"], required: 2 }

/** A template, which may be no template at all; some are made of the `corpus` by mutation. */
export const randomTemplate = (random: Random, corpus: ReadonlyArray<string>): string => {
  const kind = random.next()
  if (kind < 0.6) return new Writer(random, 0).template()
  if (kind < 0.75) return new Writer(random, 0.1).template()
  if (kind < 0.83) return mutated(random, new Writer(random, 0).template(), corpus)
  if (kind < 0.95) return mutated(random, random.pick(corpus), corpus)
  if (kind < 0.98) return pieces(random)
  return kind < 0.998 ? nest(random) : loops(random)
}

/** Writes templates of everything the language has, and of what it refuses with the probability `wildness`. */
class Writer {
  private readonly random: Random
  private readonly wildness: number
  private depth = 0
  private inMacro = false
  private loops = 0

  constructor(random: Random, wildness: number) {
    this.random = random
    this.wildness = wildness
  }

  template(): string {
    const macros = this.random.chance(0.4) ? MACROS.map((name) => this.macro(name)).join("") : ""
    return macros + this.block(macros !== "")
  }

  private block(macros = false): string {
    const inside = (): string =>
      this.random.times(this.depth === 1 ? 4 : 2, () => this.statement(macros)).join("")
    return this.within(inside, this.random.pick(vocabulary.DATA))
  }

  private statement(macros: boolean): string {
    const { random } = this
    switch (random.below(macros ? 15 : 13)) {
      case 0:
      case 1:
        return random.pick(vocabulary.DATA)
      case 2:
        return this.tag(`if ${this.expression()}`) + this.block() + this.branch("elif") + this.tag("endif")
      case 3:
      case 4:
        return this.loop()
      case 5:
        return this.tag(`set ${this.name()} = ${this.expression()}`)
      case 6:
        return this.tag(`set ${this.name()}`) + this.block() + this.tag("endset")
      case 7:
        return this.tag(`filter ${this.filter()}`) + this.block() + this.tag("endfilter")
      case 8:
        return this.switch()
      case 9:
        return this.unread()
      case 13:
        return this.callBlock()
      case 14:
        return `{{ ${this.call(random.pick(MACROS), macro)} }}`
      default:
        return this.output()
    }
  }

  private macro(name: string): string {
    const start = this.tag(`macro ${name}(${this.parameters()})`)
    this.inMacro = true
    const body = this.block()
    this.inMacro = false
    return start + body + this.tag("endmacro")
  }

  private callBlock(): string {
    const parameters = this.random.pick(["", `(${this.parameters()})`])
    const call = this.call(this.random.pick(MACROS), macro)
    return this.tag(`call${parameters} ${call}`) + this.block() + this.tag("endcall")
  }

  private loop(): string {
    const { random } = this
    const range = `range(${random.pick(["3", "9", "n", "5, 0, -1", "0"])})`
    const source = random.pick([range, "xs", "rows", "d", "d|items", this.expression()])
    const targets = random.pick(["row", "row", this.name(), "k, v"])
    const filter = random.chance(0.1) ? ` if ${this.expression()}` : ""
    const start = this.tag(`for ${targets} in ${source}${filter}`)
    this.loops++
    const body = this.block()
    this.loops--
    return start + body + this.branch() + this.tag("endfor")
  }

  private switch(): string {
    const cases = this.random.times(3, () => this.tag(`case ${this.expression()}`) + this.block()).join("")
    const rest = this.random.pick(["", this.tag("default") + this.block()])
    return this.tag(`switch ${this.expression()}`) + cases + rest + this.tag("endswitch")
  }

  private branch(tag = "else"): string {
    const { random } = this
    const other = tag === "elif" ? this.tag(`elif ${this.expression()}`) + this.block() : ""
    return random.pick(["", other, other + this.tag("else") + this.block()])
  }

  /** What is not read as a template: a comment, or a raw block. */
  private unread(): string {
    const { random } = this
    const text = random.pick(vocabulary.FRAGMENTS)
    return random.pick([`{#- ${text} #}`, `{# ${text} -#}`, this.tag("raw") + text + this.tag("endraw")])
  }

  private output(): string {
    const [open, close] = this.random.pick([
      ["{{", "}}"],
      ["{{-", "-}}"],
      ["{{", "-}}"]
    ] as const)
    return `${open} ${this.expression()} ${close}`
  }

  private tag(inside: string): string {
    const { random } = this
    const [open, close] = random.pick([
      ["{%", "%}"],
      ["{%", "%}"],
      ["{%-", "-%}"],
      ["{%-", "%}"]
    ] as const)
    const text = this.wild() ? random.pick(vocabulary.FRAGMENTS) : inside
    return `${open}${random.pick([" ", "\n"])}${text} ${close}`
  }

  private expression(): string {
    return this.within(() => this.compound(), this.atom())
  }

  private compound(): string {
    const { random } = this
    switch (random.below(14)) {
      case 0:
      case 1:
        return `(${this.expression()} ${random.pick(vocabulary.OPERATORS)} ${this.expression()})`
      case 2:
        return `(${random.pick(["not ", "-", "+"])}${this.expression()})`
      case 3:
        return `(${this.expression()} if ${this.expression()}${random.pick(["", ` else ${this.expression()}`])})`
      case 4:
      case 5:
        return this.lookup()
      case 6:
        return `[${random.times(3, () => this.expression()).join(", ")}]`
      case 7:
        return `{${random.times(3, () => `${random.pick([this.name(), "'k'"])}: ${this.expression()}`).join(", ")} }`
      case 8:
      case 9:
        return `${this.atom()}|${this.filter()}`
      case 10:
        return `(${this.atom()} is ${random.pick(["", "not "])}${this.test()})`
      case 11:
        return this.call(this.wild() ? this.name() : random.pick(Object.keys(functions)), positional)
      case 12:
        return this.wild() ? this.call(`${this.name()}.${this.key()}`, positional) : this.special()
      default:
        return this.atom()
    }
  }

  private lookup(): string {
    const key = this.random.pick([`.${this.key()}`, `['${this.key()}']`, `[${this.expression()}]`])
    const found = `${this.name()}${key}`
    return this.random.pick([`${found}|default(${this.atom()})`, `(${found} is defined)`, found])
  }

  /** What only makes sense in certain places. */
  private special(): string {
    const { random } = this
    const given = ["row.name", "d.a.b[0]", "cycler(1, 2).next()", "joiner()", "range(1000)"]
    if (this.inMacro) given.push("caller()", "caller is defined")
    if (this.loops > 0) given.push("loop", "loop.index", "loop.last", "loop.revindex0")
    return random.pick(given)
  }

  private atom(): string {
    return this.random.chance(0.4) ? this.random.pick(vocabulary.LITERALS) : this.name()
  }

  private name(): string {
    return this.random.pick(this.random.chance(0.05) ? vocabulary.HOSTILE_NAMES : vocabulary.NAMES)
  }

  private key(): string {
    return this.random.pick(this.random.chance(0.5) ? vocabulary.HOSTILE_NAMES : vocabulary.NAMES)
  }

  private filter(): string {
    return this.listed(filters)
  }

  private test(): string {
    return this.listed(tests)
  }

  private listed(table: Record<string, Callee>): string {
    if (this.wild()) return this.call(this.name(), positional)
    const name = this.random.pick(Object.keys(table))
    return this.call(name, table[name]!)
  }

  private call(name: string, { parameters, required }: Callee): string {
    const { random } = this
    const given = this.wild() ? random.below(4) : required + random.below(parameters.length - required + 1)
    const named = random.chance(0.2) ? required : given
    const args = Array.from({ length: given }, (_, index) =>
      index < named ? this.expression() : `${parameters[index] ?? this.name()}=${this.expression()}`
    )
    return `${name}(${args.join(", ")})`
  }

  private parameters(): string {
    return `a${this.random.pick(["", `=${this.expression()}`])}, b=${this.expression()}`
  }

  private wild(): boolean {
    return this.random.chance(this.wildness)
  }

  private within(write: () => string, otherwise: string): string {
    if (this.depth >= DEEPEST) return otherwise
    this.depth++
    const text = write()
    this.depth--
    return text
  }
}

const pieces = (random: Random): string =>
  random.times(12, () => random.pick(vocabulary.FRAGMENTS) + random.pick(vocabulary.SPACES)).join("")

/** Something inside itself, often deeper than templates may nest. */
const nest = (random: Random): string => {
  const levels = random.pick([10, 30, 99, 100, 101, 400])
  const [open, close] = random.pick([...vocabulary.BRACKETS, ...vocabulary.BLOCKS])
  const text = open.repeat(levels) + random.pick(vocabulary.NAMES) + close.repeat(levels)
  return open.startsWith("{%") ? text : `{{ ${text} }}`
}

/** Loops inside each other, together longer than any rendering may run. */
const loops = (random: Random): string => {
  const levels = 1 + random.below(3)
  const starts = Array.from({ length: levels }, () => `{% for a in range(${10 ** random.below(12)}) %}`)
  return `${starts.join("")}{{ a }}${"{% endfor %}".repeat(levels)}`
}

const LONGEST_PART = 40

const mutated = (random: Random, source: string, corpus: ReadonlyArray<string>): string => {
  let text = source
  for (let left = 1 + random.below(3); left > 0; left--) {
    const start = random.below(text.length + 1)
    const end = Math.min(text.length, start + random.below(LONGEST_PART))
    const part = text.slice(start, end)
    text = text.slice(0, start) + changed(random, part, corpus) + text.slice(end)
  }
  return text
}

/** A part of a template deleted, repeated, turned round, or with something else in it or in its place. */
const changed = (random: Random, part: string, corpus: ReadonlyArray<string>): string => {
  switch (random.below(5)) {
    case 0:
      return ""
    case 1:
      return part.repeat(2 + random.below(3))
    case 2:
      return [...part].toReversed().join("")
    case 3:
      return random.pick([...vocabulary.FRAGMENTS, ...vocabulary.HOSTILE_NAMES, ...vocabulary.DATA]) + part
    default: {
      const other = random.pick(corpus)
      const start = random.below(other.length + 1)
      return other.slice(start, start + LONGEST_PART)
    }
  }
}
