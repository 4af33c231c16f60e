/** What can be a name: letters of any script with their marks, digits after the first, and `_`. */
export const NAME = /^[\p{L}_][\p{L}\p{M}\p{N}_]*$/u

/** Where a construct begins in a template's source, counted from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

export type BinaryOperator = "+" | "-" | "*" | "/" | "//" | "%" | "**" | "~"
export type ComparisonOperator = "==" | "!=" | "<" | "<=" | ">" | ">="

/** An argument list whose names were already matched with the callee's parameters; a gap is `undefined`. */
export type Arguments = ReadonlyArray<Expression | undefined>

/**
 * The checked expression tree: everything a template may compute, and nothing else. The evaluator and the
 * analysis are total over it, so a construct that is not listed here cannot run.
 */
export type Expression = { readonly at: Position } & (
  | { readonly _tag: "Literal"; readonly value: null | boolean | number | string }
  | { readonly _tag: "Variable"; readonly name: string }
  | { readonly _tag: "Lookup"; readonly target: Expression; readonly key: Expression }
  | { readonly _tag: "List"; readonly items: ReadonlyArray<Expression> }
  | { readonly _tag: "Dict"; readonly entries: ReadonlyArray<readonly [key: string, value: Expression]> }
  | {
      readonly _tag: "Conditional"
      readonly condition: Expression
      readonly value: Expression
      readonly otherwise?: Expression | undefined
    }
  | { readonly _tag: "And" | "Or"; readonly left: Expression; readonly right: Expression }
  | { readonly _tag: "Not"; readonly operand: Expression }
  | { readonly _tag: "Sign"; readonly sign: 1 | -1; readonly operand: Expression }
  | {
      readonly _tag: "Binary"
      readonly operator: BinaryOperator
      readonly left: Expression
      readonly right: Expression
    }
  | {
      readonly _tag: "Compare"
      readonly first: Expression
      readonly rest: ReadonlyArray<readonly [operator: ComparisonOperator, operand: Expression]>
    }
  | { readonly _tag: "In"; readonly left: Expression; readonly right: Expression }
  | { readonly _tag: "Filter"; readonly name: string; readonly input: Expression; readonly args: Arguments }
  | { readonly _tag: "Test"; readonly name: string; readonly subject: Expression; readonly args: Arguments }
  | { readonly _tag: "CallFunction"; readonly name: string; readonly args: ReadonlyArray<Expression> }
  | {
      readonly _tag: "CallMacro"
      readonly name: string
      readonly args: Arguments
      readonly caller?: CallerBlock | undefined
    }
  | { readonly _tag: "CallCaller"; readonly args: ReadonlyArray<Expression> }
  | {
      readonly _tag: "CallValue"
      readonly target: Expression
      readonly method: string
    }
  | { readonly _tag: "Capture"; readonly body: Block }
)

export interface Parameter {
  readonly name: string
  readonly fallback?: Expression | undefined
}

/** The body of `{% call %}`, handed to the macro as `caller()`. */
export interface CallerBlock {
  readonly parameters: ReadonlyArray<Parameter>
  readonly body: Block
}

export type Block = ReadonlyArray<Statement>

export interface Macro {
  readonly name: string
  readonly parameters: ReadonlyArray<Parameter>
  readonly body: Block
}

export type Statement = { readonly at: Position } & (
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Output"; readonly value: Expression }
  | { readonly _tag: "If"; readonly condition: Expression; readonly body: Block; readonly otherwise: Block }
  | {
      readonly _tag: "For"
      readonly targets: readonly [string, ...Array<string>]
      readonly iterable: Expression
      /** `{% for x in xs if … %}`: keeps the items for which it holds. */
      readonly filter?: Expression | undefined
      readonly body: Block
      readonly otherwise: Block
    }
  | { readonly _tag: "Set"; readonly name: string; readonly value: Expression }
  | ({ readonly _tag: "Macro" } & Macro)
  | {
      readonly _tag: "Switch"
      readonly subject: Expression
      readonly cases: ReadonlyArray<{ readonly value: Expression; readonly body: Block }>
      readonly otherwise: Block
    }
)
