import { Context } from "effect"
import { OpenApi } from "effect/http-api"
import type { Scope } from "../../domain/Access.ts"

/** The scope that an endpoint's caller needs; an annotation of the endpoint. One that says none is for admins. */
export const RequiredScope = Context.Reference<Scope>("promptledger/http/api/RequiredScope", {
  defaultValue: () => "admin"
})

/** The annotations of an endpoint: what it does in one line, the scope that it takes, and what else is to be known. */
export const about = (summary: string, scope: Scope, ...more: ReadonlyArray<string>) =>
  Context.make(RequiredScope, scope).pipe(
    Context.add(OpenApi.Summary, summary),
    Context.add(OpenApi.Description, [`Takes a key with the scope \`${scope}\`.`, ...more].join(" "))
  )
