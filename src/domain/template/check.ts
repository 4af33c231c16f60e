import type { Node } from "nunjucks/src/nodes.js"
import { TemplateForbidden, TemplateSyntaxError } from "./errors.ts"
import { filters } from "./filters.ts"
import { functions } from "./functions.ts"
import { MAX_NESTING, MAX_PARAMETERS } from "./limits.ts"
import { NAME } from "./syntax.ts"
import type {
  Arguments,
  BinaryOperator,
  Block,
  ComparisonOperator,
  Expression,
  Parameter,
  Position,
  Statement
} from "./syntax.ts"
import { tests } from "./tests.ts"

type Field = Node | null | undefined

const CONSTANTS: Record<string, null | boolean> = { None: null, True: true, False: false }
const binaryOperators: Record<string, BinaryOperator> = {
  Add: "+",
  Sub: "-",
  Mul: "*",
  Div: "/",
  FloorDiv: "//",
  Mod: "%",
  Pow: "**",
  Concat: "~"
}
const comparisonOperators: Record<string, ComparisonOperator> = {
  "==": "==",
  "===": "==",
  "!=": "!=",
  "!==": "!=",
  "<": "<",
  "<=": "<=",
  ">": ">",
  ">=": ">="
}
const unsupportedTags: Record<string, string> = {
  Include: "include",
  Import: "import",
  FromImport: "from",
  Extends: "extends",
  Block: "block",
  Super: "super",
  AsyncEach: "asyncEach",
  AsyncAll: "asyncAll",
  IfAsync: "ifAsync"
}

/** What a name in front of parentheses must be given: parameter names in order, and how many are required. */
interface Signature {
  readonly parameters: ReadonlyArray<string>
  readonly required?: number
}

const positionOf = (node: Node): Position => ({ line: (node.lineno ?? 0) + 1, column: (node.colno ?? 0) + 1 })
const children = (node: Field): ReadonlyArray<Field> => (node?.["children"] ?? []) as ReadonlyArray<Field>

/**
 * Turns nunjucks' nodes into the checked tree, or refuses them. Every field of every node is looked at: what has no
 * place in `syntax.ts` has no way through, whatever the parser made of it.
 *
 * @throws TemplateSyntaxError, TemplateForbidden
 */
export const check = (root: Node): Block => new Checker(root).block(root, positionOf(root), true)

class Checker {
  private readonly macros = new Map<string, Signature>()
  private readonly assigned = new Set<string>()
  private inMacro = false
  private depth = 0

  constructor(root: Node) {
    for (const child of children(root)) {
      if (child?.typename === "Macro") this.declareMacro(child)
    }
  }

  block(list: Field, at: Position, topLevel = false): Block {
    if (list === null || list === undefined) return []
    return this.nested(at, () => {
      // A chain of `elif` arrives as one If node where a list is expected.
      const items = list.typename === "If" ? [list] : children(list)
      return items.flatMap((child) => this.statement(this.present(child, at), topLevel))
    })
  }

  private statement(node: Node, topLevel: boolean): ReadonlyArray<Statement> {
    const at = positionOf(node)
    switch (node.typename) {
      case "Output":
        return children(node).map((child) => this.output(this.present(child, at), at))
      case "If":
        return [
          {
            _tag: "If",
            at,
            condition: this.expression(node["cond"] as Field, at),
            body: this.block(node["body"] as Field, at),
            otherwise: this.block(node["else_"] as Field, at)
          }
        ]
      case "For":
        return [this.loop(node, at)]
      case "Set":
        return [this.assignment(node, at)]
      case "Macro":
        if (!topLevel) this.forbid(at, "a macro must be defined at the top level of the template")
        return [this.macro(node, at)]
      case "Switch":
        return [
          {
            _tag: "Switch",
            at,
            subject: this.expression(node["expr"] as Field, at),
            cases: (node["cases"] as ReadonlyArray<Node>).map((option) => ({
              value: this.expression(option["cond"] as Field, at),
              body: this.block(option["body"] as Field, at)
            })),
            otherwise: this.block(node["default"] as Field, at)
          }
        ]
      default:
        return this.forbid(at, `'${unsupportedTags[node.typename] ?? node.typename}' is not supported`)
    }
  }

  private macro(node: Node, at: Position): Statement {
    const name = this.name(node["name"] as Field, at)
    const parameters = this.parameters(node["args"] as Field, at)
    this.inMacro = true
    const body = this.block(node["body"] as Field, at)
    this.inMacro = false
    return { _tag: "Macro", at, name, parameters, body }
  }

  private output(node: Node, at: Position): Statement {
    if (node.typename === "TemplateData") return { _tag: "Text", at, text: String(node["value"]) }
    return { _tag: "Output", at, value: this.expression(node, at) }
  }

  private loop(node: Node, at: Position): Statement {
    const name = this.present(node["name"] as Field, at)
    const names = name.typename === "Array" ? children(name) : [name]
    const targets = names.map((target) => this.name(target, at)) as [string, ...Array<string>]
    if (targets.includes("loop")) this.forbid(at, "'loop' is what a loop knows of itself: take another name")
    const source = this.present(node["arr"] as Field, at)
    const filtered = source.typename === "InlineIf" && source["else_"] === null
    return {
      _tag: "For",
      at,
      targets,
      iterable: this.expression((filtered ? source["body"] : source) as Field, at),
      filter: filtered ? this.expression(source["cond"] as Field, at) : undefined,
      body: this.block(node["body"] as Field, at),
      otherwise: this.block(node["else_"] as Field, at)
    }
  }

  private assignment(node: Node, at: Position): Statement {
    const targets = node["targets"] as ReadonlyArray<Field>
    if (targets.length !== 1) this.forbid(at, "'set' takes one name")
    const name = this.name(targets[0], at)
    const captured = node["body"] as Field
    const value: Expression =
      captured === null || captured === undefined
        ? this.expression(node["value"] as Field, at)
        : { _tag: "Capture", at, body: this.block(captured["body"] as Field, at) }
    this.assigned.add(name)
    return { _tag: "Set", at, name, value }
  }

  private expression(field: Field, parent: Position): Expression {
    const node = this.present(field, parent)
    const at = Number.isInteger(node.lineno) ? positionOf(node) : parent
    return this.nested(at, () => this.unnestedExpression(node, at))
  }

  private unnestedExpression(node: Node, at: Position): Expression {
    const operand = (name: string) => this.expression(node[name] as Field, at)
    const operator = binaryOperators[node.typename]
    if (operator !== undefined) {
      return { _tag: "Binary", at, operator, left: operand("left"), right: operand("right") }
    }
    switch (node.typename) {
      case "Literal":
        return { _tag: "Literal", at, value: this.literal(node["value"], at) }
      case "Symbol":
        return this.variable(node, at)
      case "LookupVal":
        return { _tag: "Lookup", at, target: operand("target"), key: operand("val") }
      case "Group":
        return this.group(node, at)
      case "Array":
        return { _tag: "List", at, items: children(node).map((item) => this.expression(item, at)) }
      case "Dict":
        return { _tag: "Dict", at, entries: children(node).map((pair) => this.entry(this.present(pair, at))) }
      case "InlineIf":
        return {
          _tag: "Conditional",
          at,
          condition: operand("cond"),
          value: operand("body"),
          otherwise: node["else_"] === null ? undefined : operand("else_")
        }
      case "And":
      case "Or":
        return { _tag: node.typename, at, left: operand("left"), right: operand("right") }
      case "Not":
        return { _tag: "Not", at, operand: operand("target") }
      case "Neg":
        return { _tag: "Sign", at, sign: -1, operand: operand("target") }
      case "Pos":
        return { _tag: "Sign", at, sign: 1, operand: operand("target") }
      case "In":
        return { _tag: "In", at, left: operand("left"), right: operand("right") }
      case "Compare":
        return {
          _tag: "Compare",
          at,
          first: operand("expr"),
          rest: (node["ops"] as ReadonlyArray<Node>).map((op) => [
            comparisonOperators[op["type"] as string]!,
            this.expression(op["expr"] as Field, at)
          ])
        }
      case "Is":
        return this.test(node, at)
      case "Filter":
        return this.filter(node, at)
      case "FunCall":
        return this.call(node, at)
      case "Capture":
        return { _tag: "Capture", at, body: this.block(node["body"] as Field, at) }
      default:
        return this.forbid(at, `'${node.typename}' is not supported here`)
    }
  }

  private literal(value: unknown, at: Position): null | boolean | number | string {
    if (typeof value === "number" && (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER)) {
      return this.forbid(at, "this number is too large")
    }
    return value as null | boolean | number | string
  }

  private variable(node: Node, at: Position): Expression {
    const name = this.name(node, at)
    if (Object.hasOwn(CONSTANTS, name)) return { _tag: "Literal", at, value: CONSTANTS[name]! }
    return { _tag: "Variable", at, name }
  }

  private group(node: Node, at: Position): Expression {
    const items = children(node)
    if (items.length === 1) return this.expression(items[0], at)
    return { _tag: "List", at, items: items.map((item) => this.expression(item, at)) }
  }

  private entry(pair: Node): readonly [string, Expression] {
    const at = positionOf(pair)
    const key = this.present(pair["key"] as Field, at)
    if (!(key.typename === "Symbol" || key.typename === "Literal") || typeof key["value"] !== "string") {
      return this.forbid(at, "the keys of an object must be texts or names")
    }
    return [key["value"], this.expression(pair["value"] as Field, at)]
  }

  private test(node: Node, at: Position): Expression {
    const right = this.present(node["right"] as Field, at)
    const called = right.typename === "FunCall"
    const callee = called ? this.present(right["name"] as Field, at) : right
    if (!["Symbol", "Literal"].includes(callee.typename)) {
      return this.forbid(positionOf(right), "the name of a test is expected after 'is'")
    }
    const name = callee.typename === "Literal" && callee["value"] === null ? "none" : String(callee["value"])
    const signature = Object.hasOwn(tests, name) ? tests[name] : undefined
    if (signature === undefined) return this.forbid(positionOf(right), `there is no test '${name}'`)
    return {
      _tag: "Test",
      at,
      name,
      subject: this.expression(node["left"] as Field, at),
      args: this.bind(`test '${name}'`, signature, called ? children(right["args"] as Field) : [], at)
    }
  }

  private filter(node: Node, at: Position): Expression {
    const name = String((node["name"] as Node)["value"])
    const signature = Object.hasOwn(filters, name) ? filters[name] : undefined
    if (signature === undefined) return this.forbid(at, `there is no filter '${name}'`)
    const [input, ...rest] = children(node["args"] as Field)
    return {
      _tag: "Filter",
      at,
      name,
      input: this.expression(input, at),
      args: this.bind(`filter '${name}'`, signature, rest, at)
    }
  }

  private call(node: Node, at: Position): Expression {
    const callee = this.present(node["name"] as Field, at)
    const { positional, named, caller } = this.arguments(children(node["args"] as Field), at)
    if (callee.typename === "Symbol") {
      const name = this.name(callee, at)
      const macro = this.macros.get(name)
      if (macro !== undefined) {
        const args = this.match(`macro '${name}'`, macro, positional, named, at)
        return { _tag: "CallMacro", at, name, args, caller }
      }
      if (caller !== undefined) return this.forbid(at, `there is no macro '${name}' to call`)
      if (named.length > 0) return this.forbid(at, `'${name}' takes no named arguments`)
      if (name === "caller") {
        if (!this.inMacro) this.forbid(at, "'caller' can only be called in a macro")
        return { _tag: "CallCaller", at, args: positional }
      }
      if (Object.hasOwn(functions, name)) return { _tag: "CallFunction", at, name, args: positional }
      if (this.assigned.has(name) && positional.length === 0) {
        return { _tag: "CallValue", at, target: { _tag: "Variable", at, name }, method: "" }
      }
      return this.forbid(at, `there is no function '${name}'`)
    }
    const key = callee.typename === "LookupVal" ? (callee["val"] as Field) : undefined
    const method = String(key?.["value"])
    const given = positional.length + named.length
    if (key?.typename === "Literal" && (method === "next" || method === "reset") && given === 0) {
      return { _tag: "CallValue", at, target: this.expression(callee["target"] as Field, at), method }
    }
    return this.forbid(at, "only macros and the listed functions can be called; a filter may do the same")
  }

  private arguments(nodes: ReadonlyArray<Field>, at: Position) {
    const last = nodes.at(-1)
    const keywords = last?.typename === "KeywordArgs" ? children(last) : []
    const positional = (keywords.length > 0 ? nodes.slice(0, -1) : nodes).map((node) =>
      this.expression(node, at)
    )
    const pairs = keywords.map((pair) => this.present(pair, at))
    const block = pairs.find((pair) => (pair["value"] as Field)?.typename === "Caller")?.["value"] as
      | Node
      | undefined
    return {
      positional,
      named: pairs
        .filter((pair) => pair["value"] !== block)
        .map(
          (pair) =>
            [this.name(pair["key"] as Field, at), this.expression(pair["value"] as Field, at)] as const
        ),
      caller: block && {
        parameters: this.parameters(block["args"] as Field, at),
        body: this.block(block["body"] as Field, at)
      }
    }
  }

  private bind(callee: string, signature: Signature, nodes: ReadonlyArray<Field>, at: Position): Arguments {
    const { positional, named } = this.arguments(nodes, at)
    return this.match(callee, signature, positional, named, at)
  }

  private match(
    callee: string,
    { parameters, required = 0 }: Signature,
    positional: ReadonlyArray<Expression>,
    named: ReadonlyArray<readonly [string, Expression]>,
    at: Position
  ): Arguments {
    if (positional.length > parameters.length) {
      return this.forbid(at, `${callee} takes at most ${parameters.length} arguments`)
    }
    const args: Array<Expression | undefined> = parameters.map((_, index) => positional[index])
    for (const [name, value] of named) {
      const index = parameters.indexOf(name)
      if (index === -1) return this.forbid(at, `${callee} takes no argument '${name}'`)
      if (args[index] !== undefined) return this.forbid(at, `${callee} is given '${name}' twice`)
      args[index] = value
    }
    const missing = args.findIndex((arg, index) => index < required && arg === undefined)
    if (missing !== -1) return this.forbid(at, `${callee} needs the argument '${parameters[missing]}'`)
    return args
  }

  private parameters(list: Field, at: Position): ReadonlyArray<Parameter> {
    const names = new Set<string>()
    const parameter = (name: string, fallback?: Expression): Parameter => {
      if (names.has(name)) return this.forbid(at, `there are two parameters '${name}'`)
      if (name === "caller") return this.forbid(at, "'caller' is the block of a call: take another name")
      names.add(name)
      if (names.size > MAX_PARAMETERS) return this.forbidParameters(at)
      return { name, fallback }
    }
    return children(list).flatMap((child) => {
      if (child?.typename !== "KeywordArgs") return [parameter(this.name(child, at))]
      return children(child).map((pair) =>
        parameter(this.name(pair?.["key"] as Field, at), this.expression(pair?.["value"] as Field, at))
      )
    })
  }

  private declareMacro(macro: Node): void {
    const at = positionOf(macro)
    const name = this.name(macro["name"] as Field, at)
    if (this.macros.has(name)) this.forbid(at, `there are two macros '${name}'`)
    const parameters = children(macro["args"] as Field).flatMap((child) =>
      child?.typename === "KeywordArgs" ? children(child).map((pair) => pair?.["key"] as Field) : [child]
    )
    if (parameters.length > MAX_PARAMETERS) this.forbidParameters(at)
    this.macros.set(name, { parameters: parameters.map((parameter) => this.name(parameter, at)) })
  }

  private name(field: Field, parent: Position): string {
    const node = this.present(field, parent)
    const name = node["value"]
    if (node.typename !== "Symbol" || typeof name !== "string" || !NAME.test(name)) {
      throw new TemplateSyntaxError({ ...positionOf(node), reason: "a name is expected here" })
    }
    return name
  }

  private present(field: Field, at: Position): Node {
    if (field === null || field === undefined) {
      throw new TemplateSyntaxError({ ...at, reason: "an expression is expected here" })
    }
    return field
  }

  private forbid(at: Position, reason: string): never {
    throw new TemplateForbidden({ ...at, reason })
  }

  private forbidParameters(at: Position): never {
    return this.forbid(at, `there are more than ${MAX_PARAMETERS} parameters`)
  }

  private nested<A>(at: Position, f: () => A): A {
    if (this.depth >= MAX_NESTING) return this.forbid(at, `nested deeper than ${MAX_NESTING} levels`)
    this.depth++
    const result = f()
    this.depth--
    return result
  }
}
