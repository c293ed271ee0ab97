/** Where nobody scrapes, what is known of so many plugins that are gone is kept for the next who does. */
const mostGone = 1_000;

/**
 * What is counted of each plugin. Of one that is gone it is told once more, so that its last calls are seen; then it is forgotten:
 * names may be anything, and come and go.
 */
export class ByPlugin<T> {
  readonly #entries = new Map<string, { /** Since it was gone. */ told: boolean; readonly counts: T }>();
  readonly #make: (plugin: string) => T;

  constructor(make: (plugin: string) => T) {
    this.#make = make;
  }

  of(plugin: string): T {
    const known = this.#entries.get(plugin);
    if (known !== undefined) return known.counts;
    const counts = this.#make(plugin);
    this.#entries.set(plugin, { told: false, counts });
    return counts;
  }

  get all(): readonly T[] {
    return [...this.#entries.values()].map(({ counts }) => counts);
  }

  /** All of them have been told of: for those that are gone that was the last time. */
  told(present: (plugin: string) => boolean): void {
    for (const [plugin, entry] of this.#entries) entry.told = !present(plugin);
  }

  /** Gives back what was forgotten. */
  forget(present: (plugin: string) => boolean): readonly T[] {
    const forgotten: T[] = [];
    let gone = 0;
    // The latest first: they are kept.
    for (const [plugin, { told, counts }] of [...this.#entries].reverse()) {
      if (present(plugin) || (!told && ++gone <= mostGone)) continue;
      this.#entries.delete(plugin);
      forgotten.push(counts);
    }
    return forgotten;
  }

  get size(): number {
    return this.#entries.size;
  }
}
