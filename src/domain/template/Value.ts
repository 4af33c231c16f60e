/** What a variable may hold: JSON. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

/** What an expression may give: JSON, something that is not there, or one of the two stateful helpers. */
export type Value = null | boolean | number | string | ReadonlyArray<Value> | Dict | Undefined | Helper
export interface Dict {
  readonly [key: string]: Value
}

/** A variable or attribute that is not there. It may be passed on and tested, but any use of it fails. */
export class Undefined {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** Thrown where an `Undefined` is used; the statement it stops is skipped, so that the rest names its own. */
export class UndefinedUse {
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/** What `cycler()`, `joiner()`, `loop` and `caller` are: `call` answers `name.method()`, `undefined` where there is none. */
export class Helper {
  call(_method: string): Value | undefined {
    return undefined
  }
}
