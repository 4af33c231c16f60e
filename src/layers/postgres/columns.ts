import type { Model } from "../../domain/Model.ts"
import type { Prompt, VersionWithContent } from "../../domain/Prompt.ts"

/** The columns of `prompts` that make a domain `Prompt`. */
export const promptColumns = [
  "prompt_id",
  "name",
  "mode",
  "description",
  "owner_team",
  "active_version_id",
  "created_at",
  "updated_at"
] as const

/** The columns of `prompt_versions` that make a domain `PromptVersion`. */
export const versionColumns = [
  "version_id",
  "version_number",
  "status",
  "checksum_hash",
  "created_by",
  "created_at"
] as const

/** The columns of `prompt_versions` that make a domain `VersionWithContent`. */
export const contentColumns = [...versionColumns, "template_source"] as const

/** The columns of `models` that make a domain `Model`. */
export const modelColumns = [
  "model_id",
  "provider",
  "model_name",
  "max_tokens",
  "supports_streaming",
  "prompt_token_price",
  "response_token_price"
] as const

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
