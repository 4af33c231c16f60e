import { PgTypes } from "@effect/sql-pg"
import { Result } from "effect"

const { OID } = PgTypes

/*
 * Columns of a batch: array parameters that say their type themselves, since of no value but nulls it can't be told, and
 * another type would be another statement to prepare.
 */

const arrayOf =
  (oid: number) =>
  (values: ReadonlyArray<unknown>): PgTypes.Parameter =>
    Result.getOrThrow(PgTypes.array(values, oid))

export const uuids = arrayOf(OID.uuid)
export const texts = arrayOf(OID.text)
export const integers = arrayOf(OID.int4)
export const booleans = arrayOf(OID.bool)
export const floats = arrayOf(OID.float8)
/** Of values, which are written as JSON here. */
export const jsons = arrayOf(OID.jsonb)
