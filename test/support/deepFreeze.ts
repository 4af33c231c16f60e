/** Freezes a value and all that it holds, however deep; what is frozen already is taken to be so throughout. */
export const deepFreeze = <A>(value: A): A => {
  const found: Array<unknown> = [value]
  while (found.length > 0) {
    const next = found.pop()
    if (typeof next !== "object" || next === null || Object.isFrozen(next)) continue
    found.push(...Object.values(Object.freeze(next)))
  }
  return value
}
