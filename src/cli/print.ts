import { Console, Effect } from "effect"

/** Rows as a table for people on a terminal, and as a JSON object a line elsewhere. */
export const print = (rows: ReadonlyArray<object>) =>
  process.stdout.isTTY
    ? Console.table(rows)
    : Effect.forEach(rows, (row) => Console.log(JSON.stringify(row)), { discard: true })
