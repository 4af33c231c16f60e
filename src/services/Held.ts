/** What a cache holds, in the order of its use: some entries at most, and of some size in all. */
export class Held<A> {
  private readonly entries = new Map<string, { readonly value: A; readonly size: number }>()
  private readonly limits: { readonly entries: number; readonly size: number }
  private size = 0

  constructor(limits: { readonly entries: number; readonly size: number }) {
    this.limits = limits
  }

  /** The value, which is now the one used last. */
  get(key: string): A | undefined {
    const entry = this.entries.get(key)
    if (entry === undefined) return undefined
    this.entries.delete(key)
    this.entries.set(key, entry)
    return entry.value
  }

  /** Holds a value, and tells the keys that had to go for it: those used longest ago, and even its own. */
  set(key: string, value: A, size: number): ReadonlyArray<string> {
    this.delete(key)
    this.entries.set(key, { value, size })
    this.size += size
    const gone: Array<string> = []
    for (const oldest of this.entries.keys()) {
      if (this.size <= this.limits.size && this.entries.size <= this.limits.entries) break
      this.delete(oldest)
      gone.push(oldest)
    }
    return gone
  }

  delete(key: string): void {
    const entry = this.entries.get(key)
    if (entry === undefined) return
    this.entries.delete(key)
    this.size -= entry.size
  }
}
