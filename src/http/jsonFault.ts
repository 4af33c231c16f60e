import { isStorable } from "../domain/Text.ts"
import type { RequestFault } from "./api/Problems.ts"

/** How deep the values of a body may nest, and how many there may be in all. */
export const MAX_DEPTH = 32
export const MAX_VALUES = 100_000

/**
 * What of a JSON text may not come in, and where, if anything: too much nesting, too many values, numbers that would
 * lose digits or take many, characters that can't be stored, keys of which the parser would keep the last. Only these:
 * whether it is JSON at all is for the parser to say, which builds the value after this, so that a text that would cost
 * too much is never built.
 */
export const jsonFault = (text: string): typeof RequestFault.Type | undefined => {
  const mayBeUnstorable = UNSTORABLE_ESCAPE.test(text)
  const isUnstorable = (from: number, to: number) =>
    mayBeUnstorable && !isStorable(stringAt(text.slice(from, to)))

  // A value where a key must stand ends this, as it will end the parser.
  const open: Array<Container> = []
  let values = 0

  for (let at = 0; at < text.length; at++) {
    const inside = open.at(-1)
    switch (text[at]) {
      case "{":
      case "[":
        if (inside?.isKeyNext) return undefined
        if (open.length === MAX_DEPTH) return fault(text, open, TOO_DEEP)
        open.push(text[at] === "{" ? object() : list())
        values++
        break
      case "}":
      case "]":
        open.pop()
        break
      case ",":
        if (inside?.isObject) inside.isKeyNext = true
        else if (inside !== undefined) inside.place++
        break
      case '"': {
        const end = endOfString(text, at)
        if (inside?.isKeyNext) {
          if (isUnstorable(at, end)) return fault(text, open.slice(0, -1), BAD_KEY)
          inside.place = at
          inside.isKeyNext = false
          const key = text.slice(at, end)
          const name = key.includes("\\") ? JSON.stringify(stringAt(key)) : key
          if (inside.keys.has(name)) return fault(text, open, KEY_TWICE)
          inside.keys.add(name)
        } else {
          if (isUnstorable(at, end)) return fault(text, open, BAD_TEXT)
          values++
        }
        at = end - 1
        break
      }
      case ":":
      case " ":
      case "\n":
      case "\r":
      case "\t":
        break
      default: {
        if (inside?.isKeyNext) return undefined
        const end = endOfWord(text, at)
        const size = Math.abs(Number(text.slice(at, end)))
        if (size > Number.MAX_SAFE_INTEGER) return fault(text, open, BAD_NUMBER)
        if (size < MIN_NUMBER && size > 0) return fault(text, open, TOO_SMALL)
        values++
        at = end - 1
      }
    }
    if (values > MAX_VALUES) return fault(text, [], TOO_MANY)
  }
  return undefined
}

const TOO_DEEP = `Expected values nested at most ${MAX_DEPTH} deep`
const TOO_MANY = `Expected at most ${MAX_VALUES} values`
const BAD_KEY = "Expected keys without U+0000 and lone surrogates"
/** RFC 7493, section 2.3. */
const KEY_TWICE = "Expected each key once"
const BAD_TEXT = "Expected a text without U+0000 and lone surrogates"
/** RFC 7493, section 2.2. A larger number, whatever its notation, is no longer the one that was sent. */
const BAD_NUMBER = "Expected a number from -(2^53 - 1) to 2^53 - 1"

/** PostgreSQL writes a number of JSON out in full: 1e-300 in 302 characters, and a request has room for a hundred thousand. */
const MIN_NUMBER = 1e-100
const TOO_SMALL = `Expected 0 or a number of at least ${MIN_NUMBER} in size`

/** An escape of U+0000 or of a surrogate. As they are, neither can stand in JSON of valid UTF-8. */
const UNSTORABLE_ESCAPE = /\\u(?:0000|[dD][89a-fA-F])/

/** An object or array that is open where the text is read. */
interface Container {
  readonly isObject: boolean
  isKeyNext: boolean
  /** The index of the item; of an object, where in the text the member's key begins. */
  place: number
  /** The keys that the object has had so far, as literals. */
  readonly keys: Set<string>
}

const NO_KEYS = new Set<string>()
const object = (): Container => ({ isObject: true, isKeyNext: true, place: 0, keys: new Set() })
const list = (): Container => ({ isObject: false, isKeyNext: false, place: 0, keys: NO_KEYS })

const fault = (text: string, open: ReadonlyArray<Container>, message: string) => ({
  path: [
    "payload",
    ...open.map(({ isObject, place }) =>
      isObject ? stringAt(text.slice(place, endOfString(text, place))) : place
    )
  ],
  message
})

/** The string of a literal; the literal, should it be none, as the parser will say. */
const stringAt = (literal: string): string => {
  try {
    return String(JSON.parse(literal))
  } catch {
    return literal
  }
}

/** Where the string that begins here has ended. */
const endOfString = (text: string, from: number): number => {
  for (let at = from + 1; at < text.length; at++) {
    const char = text[at]
    if (char === '"') return at + 1
    if (char === "\\") at++
  }
  return text.length
}

const WORD = /[^\s,:"[\]{}]+/y

/** Where the number, or the like of it, that begins here has ended. */
const endOfWord = (text: string, from: number): number => {
  WORD.lastIndex = from
  return WORD.test(text) ? WORD.lastIndex : from + 1
}
