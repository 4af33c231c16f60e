import { assigned } from "./assigned.ts"
import { applyFilter, filters } from "./filters.ts"
import { functions } from "./functions.ts"
import { operate } from "./operators.ts"
import { scanned } from "./Run.ts"
import type { Run } from "./Run.ts"
import { NAME } from "./syntax.ts"
import type {
  Arguments,
  Block,
  CallerBlock,
  Expression,
  Macro,
  Parameter,
  Position,
  Statement
} from "./syntax.ts"
import { tests } from "./tests.ts"
import {
  contains,
  defined,
  emptyDict,
  entriesOf,
  equals,
  fail,
  isDict,
  isList,
  iterate,
  lookup,
  order,
  toText,
  truthy,
  typeName
} from "./values.ts"
import { Helper, Undefined, UndefinedUse } from "./Value.ts"
import type { Value } from "./Value.ts"

type Evaluate = (run: Run) => Value
type Execute = (run: Run) => void

/** A template made ready to run: closures, one for each node of the checked tree. */
export interface Compiled {
  readonly execute: Execute
  /** How many variables of its own a run of it holds. */
  readonly slots: number
  /** How many nodes the tree has. */
  readonly nodes: number
}

export const compile = (template: Block): Compiled => {
  const compiler = new Compiler(template)
  return { execute: compiler.execute, slots: compiler.frame.size, nodes: compiler.nodes }
}

/** The variables that one part of a template sets, by the place of each in its frame. */
interface Scope {
  readonly places: Map<string, number>
  readonly parent: Scope | undefined
  /** What reads a variable from here: the same for all its uses, however many there are. */
  readonly readers: Map<string, Evaluate>
}
const scopeIn = (parent?: Scope): Scope => ({ places: new Map(), parent, readers: new Map() })

/** The variables of the template, or of one call of a macro; no place in it serves two of them. */
interface Frame {
  size: number
}

/** A body with parameters: a macro, or what a call block hands to one. */
interface Invocable {
  readonly parameters: number
  /** How deep it nests: what one call of it takes of the depth budget. */
  readonly levels: number
  /** The places of its variables in its frame: from the first of them to the one before the last. */
  readonly places: readonly [first: number, last: number]
  readonly body: (args: ReadonlyArray<Value | undefined>) => Execute
}

interface DeclaredMacro {
  /** Where the run keeps that the macro's definition was reached. */
  readonly place: number
  readonly frame: Frame
  invocable: Invocable | undefined
  callerPlace: number
}

/** What `caller` is inside a macro that a call block calls. */
class Caller extends Helper {
  readonly parameters: number
  readonly invoke: (args: ReadonlyArray<Value>) => string
  constructor(parameters: number, invoke: (args: ReadonlyArray<Value>) => string) {
    super()
    this.parameters = parameters
    this.invoke = invoke
  }
}

/** What `caller` is inside a macro that is called otherwise: never a variable of that name. */
const NO_CALLER = new Undefined("caller")

/** What `loop` is inside a loop. */
class Loop extends Helper {
  index0 = 0
  readonly length: number
  constructor(length: number) {
    super()
    this.length = length
  }
  field(name: string): Value | undefined {
    switch (name) {
      case "index":
        return this.index0 + 1
      case "index0":
        return this.index0
      case "revindex":
        return this.length - this.index0
      case "revindex0":
        return this.length - this.index0 - 1
      case "first":
        return this.index0 === 0
      case "last":
        return this.index0 === this.length - 1
      case "length":
        return this.length
      default:
        return undefined
    }
  }
}

class Compiler {
  readonly frame: Frame = { size: 0 }
  readonly execute: Execute
  nodes = 0

  private readonly macros = new Map<string, DeclaredMacro>()
  /** What errors call the attributes that were compiled. */
  private readonly names = new Map<Expression, string>()
  private readonly top = scopeIn()
  private current = this.frame
  private scope: Scope = this.top
  /** What the block being compiled costs each time it runs: one for each node that is its own. */
  private work = 0
  private depth = 0
  private deepest = 0

  constructor(template: Block) {
    for (const statement of template) {
      if (statement._tag !== "Macro") continue
      const place = this.frame.size++
      this.macros.set(statement.name, { place, frame: { size: 0 }, invocable: undefined, callerPlace: 0 })
    }
    this.reserve(assigned(template))
    this.execute = this.block(template)
  }

  private block(block: Block): Execute {
    const outer = this.work
    this.work = block.length
    const statements = this.nested(() => block.map((statement) => this.statement(statement)))
    const work = this.work
    this.work = outer
    return (run) => {
      run.spend(work)
      for (const execute of statements) {
        try {
          execute(run)
        } catch (cause) {
          note(cause, run)
        }
      }
    }
  }

  private statement(statement: Statement): Execute {
    this.nodes++
    switch (statement._tag) {
      case "Text": {
        const { text } = statement
        return (run) => run.write(text)
      }
      case "Output": {
        const { at } = statement
        const value = this.expression(statement.value)
        return (run) => run.write(toText(value(run), run, at))
      }
      case "If": {
        const condition = this.expression(statement.condition)
        const [body, otherwise] = [this.block(statement.body), this.block(statement.otherwise)]
        return (run) => (truthy(condition(run), run) ? body(run) : otherwise(run))
      }
      case "Set":
        return this.assignment(statement.name, this.expression(statement.value))
      case "Switch":
        return this.switch(statement)
      case "For":
        return this.loop(statement)
      case "Macro":
        return this.macro(statement)
    }
  }

  /** Sets the nearest variable of that name that has a value, as nunjucks does, or else this scope's own. */
  private assignment(name: string, value: Evaluate): Execute {
    const [own, ...outer] = this.visible(name) as [number, ...Array<number>]
    return (run) => {
      const result = noted(value, run)
      const found =
        run.locals[own] === undefined ? outer.find((place) => run.locals[place] !== undefined) : own
      run.locals[found ?? own] = result
    }
  }

  private switch({ subject, cases, otherwise }: Statement & { _tag: "Switch" }): Execute {
    const value = this.expression(subject)
    const options = cases.map((option) => this.expression(option.value))
    // As in nunjucks, a case with nothing in it falls through to the next.
    const bodies = cases.map(({ body }) => (body.length === 0 ? undefined : this.block(body)))
    const fallback = this.block(otherwise)
    return (run) => {
      const given = value(run)
      const matched = options.findIndex((option) => equals(given, option(run), run))
      const body =
        matched === -1 ? undefined : bodies.slice(matched).find((candidate) => candidate !== undefined)
      ;(body ?? fallback)(run)
    }
  }

  private loop({ at, targets, iterable, filter, body, otherwise }: Statement & { _tag: "For" }): Execute {
    const source = this.expression(iterable)
    const first = this.current.size
    const inner = this.inScope([...targets, "loop", ...assigned(body)], (places) => ({
      targets: places.slice(0, targets.length),
      loop: places[targets.length]!,
      keep: filter && this.weighed(() => this.expression(filter)),
      body: this.block(body)
    }))
    const last = this.current.size
    const entering = scanned(last - first)
    const assign = unpack(inner.targets, at)
    const empty = this.scopedBlock(otherwise)
    const enter = (run: Run, item: Value): void => {
      run.locals.fill(undefined, first, last)
      assign(run, item)
    }
    const kept = (run: Run, items: ReadonlyArray<Value>): ReadonlyArray<Value> => {
      const { keep } = inner
      if (keep === undefined) return items
      return items.filter((item) => {
        run.spend(keep.work + entering)
        enter(run, item)
        return truthy(keep.made(run), run)
      })
    }
    return (run) => {
      const given = source(run)
      const pairwise = targets.length > 1 && isDict(given)
      const items = kept(run, pairwise ? entriesOf(given, run) : iterate(given, run, at))
      const loop = new Loop(items.length)
      run.spend(items.length * entering)
      for (const item of items) {
        enter(run, item)
        run.locals[inner.loop] = loop
        inner.body(run)
        loop.index0++
      }
      if (items.length === 0) empty(run)
    }
  }

  private macro(macro: Macro): Execute {
    const declared = this.macros.get(macro.name)!
    const outer = { current: this.current, scope: this.scope }
    this.current = declared.frame
    this.scope = scopeIn()
    const [callerPlace] = this.reserve(["caller"])
    declared.callerPlace = callerPlace!
    declared.invocable = this.invocable(macro.name, macro.parameters, macro.body)
    this.current = outer.current
    this.scope = outer.scope
    return (run) => {
      run.globals[declared.place] = true
    }
  }

  private invocable(owner: string, parameters: ReadonlyArray<Parameter>, block: Block): Invocable {
    const outerDeepest = this.deepest
    this.deepest = this.depth
    const names = parameters.map(({ name }) => name)
    const first = this.current.size
    const { places, fallbacks, body } = this.inScope([...names, ...assigned(block)], (all) => ({
      places: all.slice(0, names.length),
      fallbacks: this.weighed(() => parameters.map(({ fallback }) => fallback && this.expression(fallback))),
      body: this.block(block)
    }))
    const levels = this.deepest - this.depth + 1
    this.deepest = Math.max(this.deepest, outerDeepest)
    const argument = (run: Run, index: number, given: Value | undefined): Value => {
      if (given !== undefined) return given
      const fallback = fallbacks.made[index]
      return fallback === undefined ? new Undefined(`${owner}(${names[index]})`) : fallback(run)
    }
    return {
      parameters: names.length,
      levels,
      places: [first, this.current.size],
      body: (args) => (run) => {
        run.spend(fallbacks.work + names.length)
        places.forEach((place, index) => (run.locals[place] = argument(run, index, args[index])))
        body(run)
      }
    }
  }

  /** Makes something apart from the block around it, with the number of its nodes. */
  private weighed<A>(make: () => A): { readonly made: A; readonly work: number } {
    const outer = this.work
    this.work = 1
    const made = make()
    const { work } = this
    this.work = outer
    return { made, work }
  }

  /** A block with variables of its own. */
  private scopedBlock(block: Block): Execute {
    return this.inScope(assigned(block), () => this.block(block))
  }

  private expression(expression: Expression): Evaluate {
    this.nodes++
    this.work++
    return this.nested(() => this.node(expression))
  }

  private node(expression: Expression): Evaluate {
    const { at } = expression
    switch (expression._tag) {
      case "Literal": {
        const { value } = expression
        return () => value
      }
      case "Variable":
        return this.variable(expression.name)
      case "Lookup":
        return this.lookup(expression)
      case "List": {
        const items = this.expressions(expression.items)
        return (run) => items.map((item) => item(run))
      }
      case "Dict": {
        const entries = expression.entries.map(([key, value]) => [key, this.expression(value)] as const)
        return (run) => {
          const dict = emptyDict()
          for (const [key, value] of entries) dict[key] = value(run)
          return dict
        }
      }
      case "Conditional": {
        const condition = this.expression(expression.condition)
        const value = this.expression(expression.value)
        const otherwise = expression.otherwise && this.expression(expression.otherwise)
        return (run) => {
          if (truthy(condition(run), run)) return value(run)
          return otherwise === undefined ? "" : otherwise(run)
        }
      }
      case "And":
      case "Or": {
        const [left, right] = [this.expression(expression.left), this.expression(expression.right)]
        const stopAt = expression._tag === "Or"
        return (run) => {
          const value = left(run)
          return truthy(value, run) === stopAt ? value : right(run)
        }
      }
      case "Not": {
        const operand = this.expression(expression.operand)
        return (run) => !truthy(operand(run), run)
      }
      case "Sign": {
        const { sign } = expression
        const operand = this.expression(expression.operand)
        return (run) => {
          const value = defined(operand(run))
          return typeof value === "number" ? sign * value : fail(at, `${typeName(value)} has no sign`)
        }
      }
      case "Binary": {
        const [left, right] = [this.expression(expression.left), this.expression(expression.right)]
        const { operator } = expression
        return (run) => operate(operator, left(run), right(run), run, at)
      }
      case "Compare":
        return this.comparison(expression)
      case "In": {
        const [left, right] = [this.expression(expression.left), this.expression(expression.right)]
        return (run) => contains(right(run), left(run), run, at)
      }
      case "Filter": {
        const filter = filters[expression.name]!
        const input = this.expression(expression.input)
        const args = this.arguments(expression.args)
        return (run) =>
          applyFilter(
            filter,
            run,
            at,
            input(run),
            args.map((arg) => arg && defined(arg(run)))
          )
      }
      case "Test": {
        const test = tests[expression.name]!
        const subject = this.expression(expression.subject)
        const args = this.arguments(expression.args)
        return (run) =>
          test.holds(
            subject(run),
            args.map((arg) => defined(arg!(run))),
            run,
            at
          )
      }
      case "CallFunction": {
        const call = functions[expression.name]!
        const args = this.expressions(expression.args)
        return (run) =>
          call(
            run,
            at,
            args.map((arg) => arg(run))
          )
      }
      case "CallMacro":
        return this.callMacro(expression.name, expression.args, expression.caller)
      case "CallCaller": {
        const caller = this.variable("caller")
        const args = this.expressions(expression.args)
        return (run) => {
          const value = defined(caller(run))
          if (!(value instanceof Caller)) return fail(at, "caller is no caller")
          const { parameters } = value
          if (args.length > parameters) return fail(at, `this caller takes at most ${parameters} arguments`)
          return value.invoke(args.map((arg) => arg(run)))
        }
      }
      case "CallValue": {
        const { method } = expression
        const target = this.expression(expression.target)
        return (run) => {
          const value = defined(target(run))
          const result = value instanceof Helper ? value.call(method) : undefined
          return result === undefined ? fail(at, `${typeName(value)} cannot be called like this`) : result
        }
      }
      case "Capture": {
        const body = this.scopedBlock(expression.body)
        return (run) => run.capture(body)
      }
    }
  }

  private variable(name: string): Evaluate {
    const { readers } = this.scope
    const reader = readers.get(name) ?? this.reader(name)
    readers.set(name, reader)
    return reader
  }

  private reader(name: string): Evaluate {
    const places = this.visible(name)
    const globals = this.current === this.frame ? undefined : this.top.places.get(name)
    const outer: Evaluate =
      globals === undefined
        ? (run) => run.variable(name)
        : (run) => {
            const value = run.globals[globals]
            return value === undefined ? run.variable(name) : value
          }
    return places.reduceRight<Evaluate>(
      (next, place) => (run) => {
        const value = run.locals[place]
        if (value === undefined) return next(run)
        return value instanceof Loop ? loopFields(value) : value
      },
      outer
    )
  }

  private lookup(expression: Expression & { _tag: "Lookup" }): Evaluate {
    const { target, key } = expression
    const from = this.expression(target)
    const by = this.expression(key)
    const owner = target._tag === "Variable" ? target.name : (this.names.get(target) ?? "")
    const name = describe(owner, key)
    this.names.set(expression, name)
    const general: Evaluate = (run) => lookup(from(run), by(run), run, name)
    if (target._tag !== "Variable" || target.name !== "loop" || key._tag !== "Literal") return general
    const [place] = this.visible("loop")
    if (place === undefined) return general
    const field = String(key.value)
    return (run) => {
      const loop = run.locals[place]
      return loop instanceof Loop ? (loop.field(field) ?? new Undefined(name)) : general(run)
    }
  }

  private comparison({ at, first, rest }: Expression & { _tag: "Compare" }): Evaluate {
    const start = this.expression(first)
    const steps = rest.map(([operator, operand]) => [operator, this.expression(operand)] as const)
    return (run) => {
      let left = start(run)
      for (const [operator, operand] of steps) {
        const right = operand(run)
        if (!compares(operator, left, right, run, at)) return false
        left = right
      }
      return true
    }
  }

  private callMacro(name: string, args: Arguments, block: CallerBlock | undefined): Evaluate {
    const macro = this.macros.get(name)!
    const { frame } = macro
    const values = this.arguments(args)
    const caller = block && this.invocable("caller", block.parameters, block.body)
    return (run) => {
      const { invocable } = macro
      if (run.globals[macro.place] === undefined) throw new UndefinedUse(name)
      const { locals } = run
      const given = values.map((value) => value?.(run))
      run.spend(scanned(frame.size))
      const own = new Array<Value | undefined>(frame.size).fill(undefined)
      own[macro.callerPlace] =
        caller === undefined
          ? NO_CALLER
          : new Caller(caller.parameters, (passed) =>
              withFresh(run, locals, caller.places, () =>
                run.invoke(locals, caller.levels, caller.body(passed))
              )
            )
      return run.invoke(own, invocable!.levels, invocable!.body(given))
    }
  }

  private arguments(args: Arguments): ReadonlyArray<Evaluate | undefined> {
    return args.map((arg) => arg && this.expression(arg))
  }

  private expressions(expressions: ReadonlyArray<Expression>): ReadonlyArray<Evaluate> {
    return expressions.map((expression) => this.expression(expression))
  }

  /** The places of the variables of that name that can be seen from here, nearest first. */
  private visible(name: string): ReadonlyArray<number> {
    const places: Array<number> = []
    for (let scope: Scope | undefined = this.scope; scope !== undefined; scope = scope.parent) {
      const place = scope.places.get(name)
      if (place !== undefined) places.push(place)
    }
    return places
  }

  private reserve(names: Iterable<string>): ReadonlyArray<number> {
    const places = this.scope.places
    return Array.from(names, (name) => {
      const place = places.get(name) ?? this.current.size++
      places.set(name, place)
      return place
    })
  }

  private inScope<A>(names: Iterable<string>, inner: (places: ReadonlyArray<number>) => A): A {
    const outer = this.scope
    this.scope = scopeIn(outer)
    const result = inner(this.reserve(names))
    this.scope = outer
    return result
  }

  private nested<A>(inner: () => A): A {
    this.depth++
    this.deepest = Math.max(this.deepest, this.depth)
    const result = inner()
    this.depth--
    return result
  }
}

/** Does something with these places of a frame empty, and puts back what was in them: a body may be run inside itself. */
const withFresh = <A>(
  run: Run,
  locals: Array<Value | undefined>,
  [first, last]: readonly [number, number],
  body: () => A
): A => {
  run.spend(last - first)
  const kept = locals.slice(first, last)
  locals.fill(undefined, first, last)
  try {
    return body()
  } finally {
    kept.forEach((value, index) => (locals[first + index] = value))
  }
}

/** What it takes to be stopped by something that is not there, in steps. */
const STOP_STEPS = 32

/** Notes the name of what stopped a statement; any other cause goes on. */
const note = (cause: unknown, run: Run): string => {
  if (!(cause instanceof UndefinedUse)) throw cause
  run.missing(cause.name)
  run.spend(STOP_STEPS)
  return cause.name
}

/** A value to be kept: where computing it uses what is not there, that name is noted and stays its name. */
const noted = (value: Evaluate, run: Run): Value => {
  try {
    return value(run)
  } catch (cause) {
    return new Undefined(note(cause, run))
  }
}

const unpack = (places: ReadonlyArray<number>, at: Position): ((run: Run, item: Value) => void) => {
  const [only] = places
  if (places.length === 1) {
    return (run, item) => {
      run.locals[only!] = item
    }
  }
  return (run, item) => {
    const parts = defined(item)
    if (!isList(parts) || parts.length !== places.length)
      fail(at, `each item must be a list of ${places.length}`)
    else places.forEach((place, index) => (run.locals[place] = parts[index]))
  }
}

const loopFields = (loop: Loop): Value => {
  const fields = emptyDict()
  for (const name of ["index", "index0", "revindex", "revindex0", "first", "last", "length"]) {
    fields[name] = loop.field(name)!
  }
  return fields
}

/** How an error names an attribute: as the template writes it, where that is plain. */
const describe = (owner: string, key: Expression): string => {
  if (key._tag !== "Literal") return `${owner}[…]`
  return typeof key.value === "string" && NAME.test(key.value)
    ? `${owner}.${key.value}`
    : `${owner}[${JSON.stringify(key.value)}]`
}

const compares = (operator: string, left: Value, right: Value, run: Run, at: Position): boolean => {
  switch (operator) {
    case "==":
      return equals(left, right, run)
    case "!=":
      return !equals(left, right, run)
    case "<":
      return order(left, right, run, at) < 0
    case "<=":
      return order(left, right, run, at) <= 0
    case ">":
      return order(left, right, run, at) > 0
    default:
      return order(left, right, run, at) >= 0
  }
}
