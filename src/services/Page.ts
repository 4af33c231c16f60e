import { Effect, Option, Stream } from "effect"

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

/** Reads a page of what a store lists: one more than the limit is read, so that it is known whether more follow. */
export const paged = <A, Position, E, R>(
  { after, limit }: PageRequest<Position>,
  select: (page: PageRequest<Position>) => Effect.Effect<ReadonlyArray<A>, E, R>,
  positionOf: (last: A) => Position
): Effect.Effect<Page<A, Position>, E, R> =>
  Number.isInteger(limit) && limit >= 1
    ? Effect.map(select({ after, limit: limit + 1 }), (rows) => {
        const items = rows.slice(0, limit)
        return { items, next: rows.length > limit ? positionOf(items.at(-1)!) : null }
      })
    : Effect.die(new RangeError("limit: Expected an integer of at least 1"))

/** A whole list, page by page. */
export const everyPage = <A, Position, E, R>(
  page: (request: PageRequest<Position>) => Effect.Effect<Page<A, Position>, E, R>
): Effect.Effect<ReadonlyArray<A>, E, R> =>
  Stream.runCollect(
    Stream.paginate(undefined as Position | undefined, (after) =>
      Effect.map(page({ after, limit: 200 }), ({ items, next }) => [items, Option.fromNullOr(next)] as const)
    )
  )
