import lexer from "nunjucks/src/lexer.js"
import type { Token, Tokenizer } from "nunjucks/src/lexer.js"
import nodes from "nunjucks/src/nodes.js"
import type { Node } from "nunjucks/src/nodes.js"
import parser from "nunjucks/src/parser.js"
import { TemplateForbidden, TemplateSyntaxError } from "./errors.ts"
import { MAX_NESTING, MAX_SOURCE_BYTES } from "./limits.ts"

const closing: Record<string, string> = {
  "left-paren": "right-paren",
  "left-bracket": "right-bracket",
  "left-curly": "right-curly"
}
const closers = new Set(Object.values(closing))
const COMMENT_START = "{#"
const COMMENT_END = "#}"
/** A tag that no source has: a text with half of a surrogate pair is none. */
const NEVER = "#}\uD800"

const at = (token: { lineno: number; colno: number }) => ({ line: token.lineno + 1, column: token.colno + 1 })

/**
 * nunjucks' tokens, made safe for its parser: white space control (`{%-`, `-%}`) is applied here, in linear time,
 * so that the parser's own quadratic trimming never runs; comments and white space are dropped; brackets must
 * match; regular expressions, which the parser would build, are refused.
 */
class TokenStream {
  readonly tokenizer: Tokenizer
  private readonly read: () => Token | null
  private ahead: Token | null | undefined
  private trimNext = false
  private readonly open: Array<Token> = []

  constructor(source: string) {
    this.tokenizer = lexer.lex(source)
    const read = this.tokenizer.nextToken.bind(this.tokenizer)
    this.read = () => {
      // Where no comment began, `#}` is text like any other.
      const { tags, index, in_code } = this.tokenizer
      const comment = !in_code && source.startsWith(COMMENT_START, index)
      if (comment && !source.includes(COMMENT_END, index + 2)) {
        throw new TemplateSyntaxError({ ...at(this.tokenizer), reason: "this comment is not closed" })
      }
      tags["COMMENT_END"] = comment ? COMMENT_END : NEVER
      return read()
    }
    this.tokenizer.nextToken = () => this.next()
  }

  /** The text from here to the tag that ends a `raw` block, and the length of both. */
  raw(tag: string, begun: Token): { readonly text: string; readonly length: number } {
    const { str: source, index: start } = this.tokenizer
    const pattern = new RegExp(`\\{%(-?)\\s*(end)?${tag}\\s*(-?)%\\}`, "y")
    let level = 1
    for (let from = source.indexOf("{%", start); from !== -1; from = source.indexOf("{%", from + 2)) {
      pattern.lastIndex = from
      const found = pattern.exec(source)
      if (found === null) continue
      level += found[2] === undefined ? 1 : -1
      if (level > 0) continue
      let text = source.slice(start, from)
      if (this.trimNext) text = text.trimStart()
      if (found[1] === "-") text = text.trimEnd()
      this.trimNext = found[3] === "-"
      return { text, length: pattern.lastIndex - start }
    }
    throw new TemplateSyntaxError({ ...at(begun), reason: `expected end${tag}, got end of file` })
  }

  private next(): Token | null {
    for (;;) {
      const token = this.ahead === undefined ? this.read() : this.ahead
      this.ahead = undefined
      if (token === null || token.type !== "whitespace") {
        if (token?.type !== "comment") return token === null ? null : this.normalize(token)
        this.trimNext = token.value.endsWith("-#}")
      }
    }
  }

  private normalize(token: Token): Token {
    switch (token.type) {
      case "data":
        return this.trimData(token)
      case "block-start":
      case "variable-start":
        this.trimNext = false
        token.value = token.value.slice(0, 2)
        return token
      case "block-end":
      case "variable-end":
        this.trimNext = token.value.startsWith("-")
        token.value = token.value.slice(-2)
        this.requireClosed(token)
        return token
      case "regex":
        throw new TemplateForbidden({ ...at(token), reason: "regular expressions are not allowed" })
      case "string":
        if (this.tokenizer.index > this.tokenizer.str.length) {
          throw new TemplateSyntaxError({ ...at(token), reason: "this text has no closing quote" })
        }
        return token
      default:
        this.matchBrackets(token)
        return token
    }
  }

  private trimData(token: Token): Token {
    if (this.trimNext) token.value = token.value.trimStart()
    this.trimNext = false
    this.ahead = this.read()
    if (this.ahead !== null && /^\{[%{#]-/.test(this.ahead.value)) token.value = token.value.trimEnd()
    return token
  }

  private requireClosed(end: Token): void {
    const opened = this.open.pop()
    if (opened === undefined) return
    const hint = opened.value === "{" && end.value === "}}" ? "; where two objects end, write '} }'" : ""
    throw new TemplateSyntaxError({
      ...at(opened),
      reason: `'${opened.value}' is not closed before '${end.value}' ends the tag${hint}`
    })
  }

  private matchBrackets(token: Token): void {
    if (token.type in closing) {
      this.open.push(token)
      if (this.open.length > MAX_NESTING) throw tooDeep(token)
    } else if (closers.has(token.type)) {
      const opened = this.open.pop()
      if (opened === undefined || closing[opened.type] !== token.type) {
        throw new TemplateSyntaxError({ ...at(token), reason: `unexpected '${token.value}'` })
      }
    }
  }
}

const tooDeep = (token: { lineno: number; colno: number }) =>
  new TemplateForbidden({ ...at(token), reason: `nested deeper than ${MAX_NESTING} levels` })

/** Operators that bind alike, and the nodes they make. nunjucks would have `10 * 3 // 4` be `10 * (3 // 4)`. */
const sums: Record<string, string> = { "+": "Add", "-": "Sub" }
const products: Record<string, string> = { "*": "Mul", "/": "Div", "//": "FloorDiv", "%": "Mod" }

/** Functions of the parser that are inside each other for one pair of parentheses. */
const CALLS_A_LEVEL = 3

/**
 * nunjucks' parser with a bound on its recursion, with `raw` and filter arguments read in linear time, and with
 * operators and conditions that bind as they do in Jinja2.
 */
class BoundedParser extends parser.Parser {
  private readonly stream: TokenStream
  private depth = 0

  constructor(stream: TokenStream) {
    super(stream.tokenizer)
    this.stream = stream
  }

  override parseExpression(): Node {
    return this.nested(() => super.parseExpression())
  }
  override parseNot(): Node {
    return this.nested(() => super.parseNot())
  }
  override parseUnary(noFilters?: boolean): Node {
    return this.nested(() => super.parseUnary(noFilters))
  }
  override parseIf(): Node {
    return this.nested(() => super.parseIf())
  }
  override parseUntilBlocks(...names: ReadonlyArray<string>): Node {
    return this.nested(() => super.parseUntilBlocks(...names))
  }

  override parseInlineIf(): Node {
    return this.chained(super.parseInlineIf())
  }
  override parseAdd(): Node {
    return this.leftToRight(sums, () => this.parseMul())
  }
  override parseMul(): Node {
    return this.leftToRight(products, () => this.parsePow())
  }

  override parseFilterArgs(): ReadonlyArray<Node> {
    if (this.peekToken()?.type !== "left-paren") return []
    return this.parseSignature()["children"] as ReadonlyArray<Node>
  }

  override parseRaw(tag = "raw"): Node {
    const begun = this.advanceAfterBlockEnd()
    const { text, length } = this.stream.raw(tag, begun)
    this.tokens.forwardN(length)
    const data = new nodes["TemplateData"]!(begun.lineno, begun.colno, text)
    return new nodes["Output"]!(begun.lineno, begun.colno, [data])
  }

  /** `a if x else b if y else c`: nunjucks stops before the second `if`. */
  private chained(node: Node): Node {
    const otherwise = node.typename === "InlineIf" ? (node["else_"] as Node | null) : null
    if (otherwise === null || !this.skipSymbol("if")) return node
    const condition = this.parseOr()
    const rest = this.skipSymbol("else") ? this.nested(() => this.parseInlineIf()) : null
    const { lineno, colno } = otherwise
    const chain = new nodes["InlineIf"]!(lineno, colno, condition, otherwise, rest)
    return new nodes["InlineIf"]!(node.lineno, node.colno, node["cond"], node["body"], chain)
  }

  private leftToRight(operators: Record<string, string>, operand: () => Node): Node {
    let node = operand()
    for (;;) {
      const token = this.peekToken()
      const name = token?.type === "operator" ? operators[token.value] : undefined
      if (name === undefined) return node
      this.nextToken()
      node = new nodes[name]!(node.lineno, node.colno, node, operand())
    }
  }

  private nested(parse: () => Node): Node {
    if (this.depth >= MAX_NESTING * CALLS_A_LEVEL) throw tooDeep(this.peekToken() ?? this.tokens)
    this.depth++
    const node = parse()
    this.depth--
    return node
  }
}

const failure = (cause: unknown, tokens: Tokenizer) => {
  if (cause instanceof TemplateSyntaxError || cause instanceof TemplateForbidden) return cause
  if (cause instanceof RangeError) return tooDeep(tokens)
  const { lineno, colno, message } = cause as { lineno?: number; colno?: number; message: string }
  if (lineno !== undefined && colno !== undefined) {
    return new TemplateSyntaxError({ line: lineno, column: colno, reason: message })
  }
  // Of its own accord it can only put one token back: that is `a not b`.
  if (message.startsWith("pushToken")) {
    return new TemplateSyntaxError({ ...at(tokens), reason: "'in' is expected after 'not'" })
  }
  // nunjucks reads past the end of a broken template and fails on a null of its own: its words say nothing then.
  const reason = cause instanceof TypeError ? "the template ends too early" : message
  return new TemplateSyntaxError({ ...at(tokens), reason })
}

/**
 * Parses a template's source to nunjucks' own nodes, in time linear in its length.
 *
 * @throws TemplateSyntaxError, TemplateForbidden
 */
export const parse = (source: string): Node => {
  if (Buffer.byteLength(source) > MAX_SOURCE_BYTES) {
    throw new TemplateForbidden({ line: 1, column: 1, reason: `larger than ${MAX_SOURCE_BYTES} bytes` })
  }
  const stream = new TokenStream(source)
  try {
    return new BoundedParser(stream).parseAsRoot()
  } catch (cause) {
    throw failure(cause, stream.tokenizer)
  }
}
