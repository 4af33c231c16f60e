import { assert, describe, it } from "@effect/vitest"
import { addressOf } from "../../src/layers/postgres/watchedSocket.ts"

describe("the address in a connection URL", () => {
  it.each([
    ["postgres://u:p@db/ledger", { host: "db", port: 5432 }],
    ["postgres://u:p@db:6000/ledger", { host: "db", port: 6000 }],
    ["postgres://u:p@[::1]:6000/ledger", { host: "::1", port: 6000 }],
    ["postgres:///ledger", { host: "localhost", port: 5432 }],
    ["postgres:///ledger?host=db&port=6000", { host: "db", port: 6000 }],
    ["postgres://u@%2Fvar%2Frun/ledger", { path: "/var/run/.s.PGSQL.5432" }],
    ["postgres:///ledger?host=/var/run&port=6000", { path: "/var/run/.s.PGSQL.6000" }]
  ])("%s", (url, address) => {
    assert.deepStrictEqual(addressOf(new URL(url)), address)
  })
})
