/** The part of nunjucks that is used: its lexer, parser and node classes. Its compiler is never loaded. */
declare module "nunjucks/src/lexer.js" {
  export interface Token {
    type: string
    value: string
    lineno: number
    colno: number
  }
  export interface Tokenizer {
    str: string
    index: number
    lineno: number
    colno: number
    in_code: boolean
    tags: Record<string, string>
    nextToken(): Token | null
    forwardN(count: number): void
  }
  const lexer: { lex(source: string): Tokenizer } & { readonly [name: `TOKEN_${string}`]: string }
  export default lexer
}

declare module "nunjucks/src/nodes.js" {
  export interface Node {
    readonly typename: string
    readonly lineno: number
    readonly colno: number
    readonly [field: string]: unknown
  }
  interface NodeClass {
    new (lineno: number, colno: number, ...fields: ReadonlyArray<unknown>): Node
  }
  const nodes: { readonly [name: string]: NodeClass }
  export default nodes
}

declare module "nunjucks/src/parser.js" {
  import type { Token, Tokenizer } from "nunjucks/src/lexer.js"
  import type { Node } from "nunjucks/src/nodes.js"
  export class Parser {
    constructor(tokens: Tokenizer)
    tokens: Tokenizer
    peekToken(): Token | null
    nextToken(): Token | null
    skipSymbol(symbol: string): boolean
    fail(message: string, lineno?: number, colno?: number): never
    advanceAfterBlockEnd(name?: string): Token
    parseAsRoot(): Node
    parseExpression(): Node
    parseInlineIf(): Node
    parseOr(): Node
    parseNot(): Node
    parseAdd(): Node
    parseMul(): Node
    parsePow(): Node
    parseUnary(noFilters?: boolean): Node
    parseIf(): Node
    parseUntilBlocks(...names: ReadonlyArray<string>): Node
    parseSignature(tolerant?: boolean, noParens?: boolean): Node
    parseFilterArgs(node: Node): ReadonlyArray<Node>
    parseRaw(tagName?: string): Node
  }
  const parser: { readonly Parser: typeof Parser }
  export default parser
}
