import { Context } from "effect"
import { uuidV7Unsafe } from "effect/crypto/SecureRandom"

/** Makes the id of a new row: a version 7 UUID, so that ids sort by time. Tests put a seeded maker in its place. */
export const NewId = Context.Reference<() => string>("promptledger/services/NewId", {
  defaultValue: () => () => uuidV7Unsafe()
})
