/** Which page of a list: the one after a position, or the first. */
export interface PageRequest<Position> {
  readonly after?: Position | undefined
  readonly limit: number
}

/** One page of a list, and the place after which the next one goes on. */
export interface Page<A, Position> {
  readonly items: ReadonlyArray<A>
  readonly next: Position | null
}

/** A page of at most `limit` items, of rows that were read one past the limit: so it is known whether more follow. */
export const pageOf = <A, Position>(
  rows: ReadonlyArray<A>,
  limit: number,
  positionOf: (last: A) => Position
): Page<A, Position> => {
  const items = rows.slice(0, limit)
  return { items, next: rows.length > limit ? positionOf(items.at(-1)!) : null }
}
