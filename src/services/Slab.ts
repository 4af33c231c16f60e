/**
 * Entries that come and go. Where they do so by the thousand a second a `Map` or `Set` of them would double what
 * collecting garbage takes: a table that it has outgrown is not cleared, and keeps what was taken out, and all that this
 * leads to, through many collections of what is young.
 */
export class Slab<A extends object> {
  private readonly entries: Array<A | undefined> = []
  private readonly free: Array<number> = []

  get size(): number {
    return this.entries.length - this.free.length
  }

  /** Takes an entry in, and gives what takes it out and tells whether it was still there. */
  add(entry: A): () => boolean {
    const place = this.free.pop() ?? this.entries.length
    this.entries[place] = entry
    let isThere = true
    return () => {
      if (!isThere) return false
      isThere = false
      this.entries[place] = undefined
      this.free.push(place)
      return true
    }
  }

  all(): ReadonlyArray<A> {
    return this.entries.filter((entry) => entry !== undefined)
  }
}
