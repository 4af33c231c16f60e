/** Where code would come from: each of these makes a function of a text. */
const MAKERS = [
  Function,
  async function () {}.constructor,
  function* () {}.constructor,
  async function* () {}.constructor
] as ReadonlyArray<{ readonly prototype: object }>

/** What every object inherits, and what none has: a look-up that is not held to own keys reads it from here. */
const INHERITED = [
  "constructor",
  "__proto__",
  "__defineGetter__",
  "__defineSetter__",
  "__lookupGetter__",
  "__lookupSetter__",
  "hasOwnProperty",
  "valueOf",
  "canary"
]

const SHARED = [Object, Array, String, Number, Boolean, Function]
const keysOf = ({ prototype }: { readonly prototype: object }) => Reflect.ownKeys(prototype).length

/** Traps in what all values share; they tell the first that was sprung. */
export class Traps {
  private armed = false
  private sprung: string | undefined
  private readonly counts: ReadonlyArray<number>

  constructor() {
    for (const { prototype } of MAKERS) this.lay(prototype, "constructor")
    for (const name of INHERITED) this.lay(Object.prototype, name)
    for (const name of ["eval", "Function", "canary"]) this.lay(globalThis, name)
    this.counts = SHARED.map(keysOf)
  }

  /** Runs something with the traps armed. */
  watch<A>(run: () => A): A {
    this.armed = true
    try {
      return run()
    } finally {
      this.armed = false
    }
  }

  /** What was got at while they were armed, if anything. */
  get caught(): string | undefined {
    const changed = SHARED.find((type, index) => this.counts[index] !== keysOf(type))
    return this.sprung ?? (changed && `changed ${changed.name}.prototype`)
  }

  private lay(owner: object, name: string): void {
    const found = Object.getOwnPropertyDescriptor(owner, name)
    const read = (self: unknown): unknown => (found?.get === undefined ? found?.value : found.get.call(self))
    const spring = (what: string): void => {
      if (this.armed) this.sprung ??= `${what} ${name}`
    }
    Object.defineProperty(owner, name, {
      configurable: true,
      enumerable: false,
      get() {
        spring("read")
        return read(this)
      },
      set(value: unknown) {
        spring("wrote")
        if (found?.set !== undefined) found.set.call(this, value)
        else
          Object.defineProperty(this, name, { value, configurable: true, enumerable: true, writable: true })
      }
    })
  }
}
