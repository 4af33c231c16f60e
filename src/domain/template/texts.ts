import type { Run } from "./Run.ts"

/* A text's characters are Unicode code points: a surrogate pair is one of them. */

export const isPair = (text: string, at: number): boolean =>
  (text.charCodeAt(at) & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00

/** How many characters a text has. */
export const characters = (text: string, run: Run): number => {
  run.scan(text.length)
  let count = text.length
  for (let at = 0; at < text.length; at++) if (isPair(text, at)) count--
  return count
}

/** The character of that index, which is counted from the end when it is negative. */
export const characterAt = (text: string, index: number, run: Run): string | undefined => {
  run.scan(Math.min(text.length, Math.abs(index)))
  let at = index < 0 ? text.length : 0
  for (let steps = index; steps < 0 && at >= 0; steps++) at -= isPair(text, at - 2) ? 2 : 1
  for (let steps = index; steps > 0 && at < text.length; steps--) at += isPair(text, at) ? 2 : 1
  return at >= 0 && at < text.length ? text.slice(at, at + (isPair(text, at) ? 2 : 1)) : undefined
}

/** Where the first `count` characters of a text end. */
export const endOf = (text: string, count: number, run: Run): number => {
  run.scan(Math.min(text.length, count))
  let at = 0
  for (let left = count; left > 0 && at < text.length; left--) at += isPair(text, at) ? 2 : 1
  return at
}

/** Parts longer than this are looked for by our own means: what V8 does can take quadratic time. */
const SHORT = 8

/** Looks for a part of a text from a place on, in linear time whatever the two are; -1 where it is not. */
export const search = (text: string, part: string, run: Run): ((from: number) => number) => {
  run.scan(text.length)
  if (part.length <= SHORT) return (from) => text.indexOf(part, from)
  // Knuth, Morris and Pratt: `border` tells how much of the part is matched still after a mismatch.
  run.spend(part.length)
  const border = new Uint32Array(part.length)
  for (let index = 1, matched = 0; index < part.length; index++) {
    while (matched > 0 && part[index] !== part[matched]) matched = border[matched - 1]!
    if (part[index] === part[matched]) matched++
    border[index] = matched
  }
  return (from) => {
    for (let index = from, matched = 0; index < text.length; index++) {
      while (matched > 0 && text[index] !== part[matched]) matched = border[matched - 1]!
      if (text[index] === part[matched]) matched++
      if (matched === part.length) return index + 1 - matched
    }
    return -1
  }
}
