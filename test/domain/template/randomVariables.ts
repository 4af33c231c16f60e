import type { Json } from "../../../src/domain/template/Value.ts"
import type { Random } from "../../support/Random.ts"
import { HOSTILE_NAMES } from "./vocabulary.ts"

const nested = (levels: number): Json => {
  let value: Json = 1
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

const rows: Json = Array.from({ length: 30 }, (_, index) => ({
  n: index,
  name: `row ${index}`,
  tags: ["x", "y"]
}))
/** As a request would bring it: `__proto__` and its like are keys of the object's own. */
const ownKeys = JSON.parse(
  '{"__proto__": {"polluted": 1}, "constructor": {"prototype": 2}, "toString": "own", "a": {"b": [1, null]}}'
) as Json
const scalars: ReadonlyArray<Json> = [null, true, false, 0, -1, 1.5, 1e21, 2 ** 53, 7]
const texts: ReadonlyArray<Json> = [
  "",
  "text",
  "a b-c\n\td",
  "{{ 1 }}{% if %}",
  "😀é\ud800",
  "<b>&'\"</b>",
  "__proto__",
  "constructor.constructor",
  "lorem ipsum ".repeat(2_000),
  "\n".repeat(500)
]
const lists: ReadonlyArray<Json> = [
  [],
  [3, 1, 2],
  ["b", "a", "C"],
  [
    [1, 2],
    ["a", null]
  ],
  [null, "a", 1],
  rows
]
const objects: ReadonlyArray<Json> = [{}, { b: 1, a: [1, 2] }, ownKeys, [ownKeys, ownKeys]]
const values = [...scalars, ...texts, ...lists, ...objects, nested(40), nested(10_000)]

/** What templates expect under the names that they use. */
const expected: ReadonlyArray<readonly [name: string, value: Json]> = [
  ["a", 1],
  ["b", "text"],
  ["s", "some text, with words"],
  ["n", 5],
  ["x", 2.5],
  ["ünï", "😀é"],
  ["xs", [3, 1, 2]],
  ["rows", rows],
  ["row", { n: 1, name: "x" }],
  ["d", ownKeys],
  ["deep", nested(40)],
  ["big", "x y ".repeat(5_000)]
]

/** Values for the names that templates use, some of them missing and some of the wrong type. */
export const randomVariables = (random: Random): { readonly [name: string]: Json } => {
  const given = expected.map(
    ([name, value]) => [name, random.chance(0.2) ? random.pick(values) : value] as const
  )
  const names = random.chance(0.5) ? HOSTILE_NAMES : []
  const hostile = names.map((name) => [name, random.pick(values)] as const)
  return Object.fromEntries([...given, ...hostile].filter(() => random.chance(0.99)))
}
