import { Struct } from "effect"
import { Model } from "../../domain/Model.ts"
import { Prompt, PromptVersion, VersionWithContent } from "../../domain/Prompt.ts"

/** The columns of a table that make a thing of the domain: its fields, under the same names. */
export const promptColumns = Struct.keys(Prompt.fields)
export const versionColumns = Struct.keys(PromptVersion.fields)
export const contentColumns = Struct.keys(VersionWithContent.fields)
export const modelColumns = Struct.keys(Model.fields)

/** A select list of one table's columns, each under its own name after `prefix`. */
export const columnsOf = (table: string, columns: ReadonlyArray<string>, prefix = ""): string =>
  columns.map((column) => `${table}.${column} AS ${prefix}${column}`).join(", ")

/** Takes what stands under a prefix out of a row, or nothing where an outer join found nothing: its first column is a key. */
export const unprefixed = <A>(columns: ReadonlyArray<keyof A & string>, prefix: string) => {
  const fields = columns.map((column) => [column, prefix + column] as const)
  const key = prefix + columns[0]!
  return (row: object): A | undefined => {
    const from = row as { readonly [name: string]: unknown }
    if (from[key] === null) return undefined
    const of: { [name: string]: unknown } = {}
    for (const [column, name] of fields) of[column] = from[name]
    return of as A
  }
}

/** Of rows that a prompt, its version and the model stand in beside other things. */
export const promptOf = unprefixed<Prompt>(promptColumns, "prompt_")
export const versionOf = unprefixed<VersionWithContent>(contentColumns, "version_")
export const modelOf = unprefixed<Model>(modelColumns, "model_")
