/**
 * Entries that come and go, kept in places that are cleared and used again; there are as many as there were ever entries at
 * once. Where they come and go by the thousand a second, a `Map` or `Set` would double what collecting garbage takes:
 * it outgrows a table every few entries, and that table goes on keeping what was taken out, and all that this leads to,
 * until the old generation is collected.
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
