import { assigned } from "./assigned.ts"
import type { Arguments, Block, CallerBlock, Expression, Parameter, Statement } from "./syntax.ts"
import { tests } from "./tests.ts"

/** A variable that a template refers to and does not define itself. */
export interface TemplateVariable {
  readonly name: string
  /** Rendering fails without it. The others are only used behind `default(...)`, `is defined` or the like. */
  readonly required: boolean
}

/**
 * The variables that a template takes, in the order of their first use. A use counts wherever it stands, inside
 * `if`, `for`, filters and macros too; it is not required where the template has made sure of it first.
 */
export const variablesOf = (template: Block): ReadonlyArray<TemplateVariable> => {
  const found = new Map<string, boolean>()
  const use = (name: string, required: boolean) => found.set(name, required || (found.get(name) ?? false))
  const analysis = new Analysis(use, new Set(assigned(template)))
  analysis.block(template, new Known())
  return Array.from(found, ([name, required]) => ({ name, required }))
}

type Names = ReadonlySet<string>

/** What is known of names at one point of a template; a layer for each branch, so that nothing is copied. */
class Known {
  /** Certainly set by the template. */
  readonly set = new Set<string>()
  /** Set by the template on some ways to here. */
  readonly maybe = new Set<string>()
  /** Not set by the template, but certainly given when this point is reached. */
  readonly given: Names
  private readonly parent: Known | undefined

  constructor(parent?: Known, given: Names = none) {
    this.parent = parent
    this.given = given
  }

  has(kind: "set" | "maybe" | "given", name: string): boolean {
    return this[kind].has(name) || (this.parent?.has(kind, name) ?? false)
  }

  /** Learns what `branches`, one of which is taken, do to the names of this layer. */
  join(branches: ReadonlyArray<Known>): void {
    const [first, ...rest] = branches
    for (const name of first!.set) if (rest.every((branch) => branch.set.has(name))) this.set.add(name)
    for (const branch of branches) for (const name of [...branch.set, ...branch.maybe]) this.maybe.add(name)
  }
}

/** The names that are certainly given when an expression turns out true, and when it turns out false. */
interface Facts {
  readonly whenTrue: Names
  readonly whenFalse: Names
}
const none: Names = new Set()
const nothing: Facts = { whenTrue: none, whenFalse: none }
const both = (a: Names, b: Names): Names => new Set([...a].filter((name) => b.has(name)))
/** Most have nothing on one side: then the other is not copied. */
const either = (a: Names, b: Names): Names => {
  if (a.size === 0) return b
  return b.size === 0 ? a : new Set([...a, ...b])
}

/** The facts that were worked out: those of an `and` are asked for again by each `and` around it. */
const learned = new WeakMap<Expression, Facts>()

const factsOf = (expression: Expression): Facts => {
  const facts = learned.get(expression) ?? newFacts(expression)
  learned.set(expression, facts)
  return facts
}

const newFacts = (expression: Expression): Facts => {
  switch (expression._tag) {
    case "Test": {
      if (expression.subject._tag !== "Variable") return nothing
      const { name } = expression.subject
      const given = new Set([name])
      if (expression.name === "undefined") return { whenTrue: none, whenFalse: given }
      return tests[expression.name]!.provesDefined ? { whenTrue: given, whenFalse: none } : nothing
    }
    case "Filter": {
      const { name, input, args } = expression
      if (!isDefault(name) || input._tag !== "Variable" || !isFalse(args[0])) return nothing
      return { whenTrue: new Set([input.name]), whenFalse: none }
    }
    case "Not": {
      const { whenTrue, whenFalse } = factsOf(expression.operand)
      return { whenTrue: whenFalse, whenFalse: whenTrue }
    }
    case "And": {
      const [left, right] = [factsOf(expression.left), factsOf(expression.right)]
      return {
        whenTrue: either(left.whenTrue, right.whenTrue),
        whenFalse: both(left.whenFalse, right.whenFalse)
      }
    }
    case "Or": {
      const [left, right] = [factsOf(expression.left), factsOf(expression.right)]
      return {
        whenTrue: both(left.whenTrue, right.whenTrue),
        whenFalse: either(left.whenFalse, right.whenFalse)
      }
    }
    default:
      return nothing
  }
}

const isDefault = (filter: string): boolean => filter === "default" || filter === "d"

/** Whether an argument is plainly false, or not given. */
const isFalse = (argument: Expression | undefined): boolean => {
  switch (argument?._tag) {
    case undefined:
      return true
    case "Literal":
      return !argument.value
    case "List":
      return argument.items.length === 0
    case "Dict":
      return argument.entries.length === 0
    default:
      return false
  }
}

class Analysis {
  private readonly use: (name: string, required: boolean) => void
  /** What the template sets at its top level, sooner or later: a macro may be called after that. */
  private readonly globals: Names
  private inMacro = false

  constructor(use: (name: string, required: boolean) => void, globals: Names) {
    this.use = use
    this.globals = globals
  }

  block(block: Block, known: Known): void {
    for (const statement of block) this.statement(statement, known)
  }

  private statement(statement: Statement, known: Known): void {
    switch (statement._tag) {
      case "Text":
        return
      case "Output":
        return this.expression(statement.value, known)
      case "Set":
        this.expression(statement.value, known)
        known.set.add(statement.name)
        return
      case "If": {
        this.expression(statement.condition, known)
        const facts = factsOf(statement.condition)
        const body = new Known(known, facts.whenTrue)
        const otherwise = new Known(known, facts.whenFalse)
        this.block(statement.body, body)
        this.block(statement.otherwise, otherwise)
        known.join([body, otherwise])
        return
      }
      case "Switch": {
        this.expression(statement.subject, known)
        for (const { value } of statement.cases) this.expression(value, known)
        // A case with nothing in it falls through to one that has something.
        const bodies = [
          ...statement.cases.map(({ body }) => body).filter(({ length }) => length > 0),
          statement.otherwise
        ]
        known.join(
          bodies.map((body) => {
            const branch = new Known(known)
            this.block(body, branch)
            return branch
          })
        )
        return
      }
      case "For":
        return this.loop(statement, known)
      case "Macro":
        this.inMacro = true
        this.invocable(statement.parameters, statement.body, new Known(known), ["caller"])
        this.inMacro = false
        return
    }
  }

  private loop(
    { targets, iterable, filter, body, otherwise }: Statement & { _tag: "For" },
    known: Known
  ): void {
    this.expression(iterable, known)
    const item = new Known(known)
    for (const target of targets) item.set.add(target)
    if (filter !== undefined) this.expression(filter, item)
    const inner = new Known(item, filter && factsOf(filter).whenTrue)
    inner.set.add("loop")
    this.block(body, inner)
    this.block(otherwise, new Known(known))
  }

  private invocable(
    parameters: ReadonlyArray<Parameter>,
    body: Block,
    known: Known,
    names: ReadonlyArray<string> = []
  ): void {
    for (const name of names) known.set.add(name)
    for (const { name, fallback } of parameters) {
      if (fallback !== undefined) this.expression(fallback, known)
      known.set.add(name)
    }
    this.block(body, known)
  }

  private expression(expression: Expression, known: Known): void {
    switch (expression._tag) {
      case "Literal":
        return
      case "Variable":
        return this.variable(expression.name, known, true)
      case "Lookup":
        return this.all([expression.target, expression.key], known)
      case "List":
        return this.all(expression.items, known)
      case "Dict":
        return this.all(
          expression.entries.map(([, value]) => value),
          known
        )
      case "Conditional": {
        this.expression(expression.condition, known)
        const facts = factsOf(expression.condition)
        this.expression(expression.value, new Known(known, facts.whenTrue))
        if (expression.otherwise) this.expression(expression.otherwise, new Known(known, facts.whenFalse))
        return
      }
      case "And":
      case "Or": {
        this.expression(expression.left, known)
        const { whenTrue, whenFalse } = factsOf(expression.left)
        return this.expression(
          expression.right,
          new Known(known, expression._tag === "And" ? whenTrue : whenFalse)
        )
      }
      case "Not":
      case "Sign":
        return this.expression(expression.operand, known)
      case "Binary":
      case "In":
        return this.all([expression.left, expression.right], known)
      case "Compare":
        return this.all([expression.first, ...expression.rest.map(([, operand]) => operand)], known)
      case "Filter":
        this.tolerant(expression.input, known, isDefault(expression.name))
        return this.all(expression.args, known)
      case "Test":
        this.tolerant(expression.subject, known, tests[expression.name]!.toleratesUndefined)
        return this.all(expression.args, known)
      case "CallFunction":
      case "CallCaller":
        return this.all(expression.args, known)
      case "CallMacro":
        this.all(expression.args, known)
        return this.caller(expression.caller, known)
      case "CallValue":
        return this.expression(expression.target, known)
      case "Capture": {
        return this.block(expression.body, new Known(known))
      }
    }
  }

  private caller(block: CallerBlock | undefined, known: Known): void {
    if (block !== undefined) this.invocable(block.parameters, block.body, new Known(known))
  }

  private all(expressions: Arguments, known: Known): void {
    for (const expression of expressions) if (expression !== undefined) this.expression(expression, known)
  }

  /** An operand that may be undefined when it is a plain variable; an attribute's owner must be there all the same. */
  private tolerant(expression: Expression, known: Known, tolerates: boolean): void {
    if (tolerates && expression._tag === "Variable") this.variable(expression.name, known, false)
    else this.expression(expression, known)
  }

  private variable(name: string, known: Known, required: boolean): void {
    if (known.has("set", name)) return
    const maybe = known.has("maybe", name) || (this.inMacro && this.globals.has(name))
    this.use(name, required && !maybe && !known.has("given", name))
  }
}
