import type { Block } from "./syntax.ts"

/** The names that a block sets in its own scope: loops, captures and macros have their own. */
export const assigned = (block: Block): ReadonlyArray<string> =>
  block.flatMap((statement) => {
    switch (statement._tag) {
      case "Set":
        return [statement.name]
      case "If":
        return [...assigned(statement.body), ...assigned(statement.otherwise)]
      case "Switch":
        return [...statement.cases.flatMap(({ body }) => assigned(body)), ...assigned(statement.otherwise)]
      default:
        return []
    }
  })
