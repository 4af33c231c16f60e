import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { makeTemplate } from "../../../src/domain/template/Template.ts"
import hostile from "../../corpora/hostile-templates.json" with { type: "json" }
import strictness from "../../corpora/strictness.json" with { type: "json" }
import { Random } from "../../support/Random.ts"
import { observe, traps } from "./observe.ts"
import { randomTemplate } from "./randomTemplate.ts"
import { randomVariables } from "./randomVariables.ts"

/* `FUZZ_SEED` and `FUZZ_RUNS` run again what a failure names: the template of run n has the seed of the whole plus n. */
const RUNS = Number(process.env["FUZZ_RUNS"] ?? 100_000)
const LISTED = Math.min(RUNS, 5_000)
const SEED = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31))

const corpus = [...hostile, ...strictness].flatMap(({ template }) =>
  template === undefined ? [] : [template]
)

// Most templates fail, and stack traces would take a third of the time.
Error.stackTraceLimit = 0

describe("templates written at random", () => {
  it(`do no harm, ${RUNS} of them with the seed ${SEED}`, { timeout: 300_000 }, () => {
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const random = new Random(seed)
      const source = randomTemplate(random, corpus)
      const { harm } = observe(source, randomVariables(random))
      if (harm !== undefined) {
        assert.fail(`${harm}\nFUZZ_SEED=${seed} FUZZ_RUNS=1\n${JSON.stringify(source)}\n${source}`)
      }
    }
  })

  it(`read no variables but those that they list, ${LISTED} of them with the seed ${SEED}`, () => {
    for (let seed = SEED; seed < SEED + LISTED; seed++) {
      const random = new Random(seed)
      const made = Effect.runSyncExit(makeTemplate(randomTemplate(random, corpus)))
      if (Exit.isFailure(made)) continue
      const listed = new Set(made.value.variables.map(({ name }) => name))
      const read = new Set<string>()
      const variables = new Proxy(randomVariables(random), {
        getOwnPropertyDescriptor: (target, name) => {
          read.add(String(name))
          return Reflect.getOwnPropertyDescriptor(target, name)
        }
      })
      Effect.runSyncExit(made.value.render(variables, { now: () => 0 }))
      assert.deepStrictEqual(
        [...read].filter((name) => !listed.has(name)),
        [],
        `FUZZ_SEED=${seed} FUZZ_RUNS=1`
      )
    }
  })

  it("would be caught at what all values share", () => {
    assert.isUndefined(traps.caught)
    traps.watch(() => ({})["constructor"])
    assert.strictEqual(traps.caught, "read constructor")
  })
})
