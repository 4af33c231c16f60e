import { TemplateLimitExceeded } from "./errors.ts"
import type { RenderLimits } from "./limits.ts"
import { Undefined } from "./Value.ts"
import type { Dict, Value } from "./Value.ts"

const CLOCK_INTERVAL = 4_096
/** Characters that are gone over, or places emptied, in the time of one step. */
const SCANNED_A_STEP = 16
/** Characters that are looked at one by one, or in words, in the time of one step. */
const READ_A_STEP = 2
const NAMES_KEPT = 100

/** The steps that going over `length` characters takes, or emptying as many places. */
export const scanned = (length: number): number => 1 + Math.floor(length / SCANNED_A_STEP)

/** The state of one rendering: its output so far, its local variables and what is left of its budgets. */
export class Run {
  /** What was written so far; a capture puts its own in its place for a while. */
  out = ""
  /** The local variables of the template or macro that runs; `undefined` where none was set. */
  locals: Array<Value | undefined>
  readonly globals: Array<Value | undefined>
  readonly variables: Dict
  readonly limits: RenderLimits

  private readonly names = new Set<string>()
  private readonly keys = new WeakMap<Dict, ReadonlyArray<string>>()
  private readonly deadline: number
  private readonly now: () => number
  private steps: number
  private clockAt: number
  private textLeft: number
  private depth = 0

  constructor(variables: Dict, slots: number, limits: RenderLimits, now: () => number) {
    this.variables = variables
    this.globals = new Array<Value | undefined>(slots).fill(undefined)
    this.locals = this.globals
    this.limits = limits
    this.steps = limits.steps
    this.clockAt = Math.max(0, limits.steps - CLOCK_INTERVAL)
    this.textLeft = limits.text
    this.now = now
    this.deadline = now() + limits.millis
  }

  /** Charges `steps` of work. */
  spend(steps: number): void {
    this.steps -= steps
    if (this.steps <= this.clockAt) this.check()
  }

  /** Charges the work of going over `length` characters. */
  scan(length: number): void {
    this.spend(scanned(length))
  }

  /** Charges the work of looking at each of `length` characters. */
  read(length: number): void {
    this.spend(1 + Math.floor(length / READ_A_STEP))
  }

  /**
   * An object's keys, in the order of their UTF-16 code units: JSON objects have no order of their own, JSONB keeps
   * none, and a rendering must give the same text for the same variables whichever way they came.
   */
  keysOf(dict: Dict): ReadonlyArray<string> {
    const known = this.keys.get(dict)
    if (known !== undefined) return known
    const keys = Object.keys(dict)
    this.spend(keys.length * Math.ceil(Math.log2(keys.length + 1)))
    keys.sort()
    this.keys.set(dict, keys)
    return keys
  }

  /** Charges `length` characters of text about to be made. */
  text(length: number): void {
    this.textLeft -= length
    if (this.textLeft < 0) this.exceeded("text")
  }

  /** Appends to the output. */
  write(text: string): void {
    this.text(text.length)
    this.out += text
  }

  checkDepth(depth: number): void {
    if (depth > this.limits.depth) this.exceeded("depth")
  }

  /** Runs a macro's or caller's body `levels` deep, over its own local variables, and gives what it wrote. */
  invoke(locals: Array<Value | undefined>, levels: number, body: (run: Run) => void): string {
    const outer = this.locals
    this.depth += levels
    this.checkDepth(this.depth)
    this.locals = locals
    try {
      return this.capture(body)
    } finally {
      this.locals = outer
      this.depth -= levels
    }
  }

  /** What `body` writes, instead of it going to the output. */
  capture(body: (run: Run) => void): string {
    const outer = this.out
    this.out = ""
    try {
      body(this)
      return this.out
    } finally {
      this.out = outer
    }
  }

  variable(name: string): Value {
    return Object.hasOwn(this.variables, name) ? this.variables[name]! : new Undefined(name)
  }

  /** Notes that something was used that is not there. */
  missing(name: string): void {
    if (this.names.size < NAMES_KEPT) this.names.add(name)
  }

  get missingNames(): ReadonlyArray<string> {
    return [...this.names]
  }

  private check(): void {
    if (this.steps < 0) this.exceeded("steps")
    if (this.now() > this.deadline) this.exceeded("time")
    this.clockAt = Math.max(0, this.steps - CLOCK_INTERVAL)
  }

  private exceeded(limit: TemplateLimitExceeded["limit"]): never {
    const maximum = limit === "time" ? this.limits.millis : this.limits[limit]
    throw new TemplateLimitExceeded({ limit, maximum })
  }
}
