import type { KeptSnapshot } from './snapshot-record';
import type { StoreLimits } from './snapshot-store-options';

interface Entry {
  /** Undefined: what the file holds can't be read. */
  readonly record: KeptSnapshot | undefined;
  readonly bytes: number;
  readonly ageWhenSeenMs: number;
  /** Monotonic. */
  readonly seenAt: number;
}

/** How long to leave a file alone that could not be removed. */
const retryMs = 60_000;

/** Which snapshots a store has, how old they are, and which have to go. The files are the store's. */
export class Shelf {
  readonly #limits: StoreLimits;
  readonly #entries = new Map<string, Entry>();
  #sequence = 0;

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** One that was just written. */
  add(record: KeptSnapshot): void {
    this.#put(record.id, record, record.bytes, 0);
  }

  /** One that an earlier host wrote. A time in the future says that a clock was set: it counts as just taken. */
  addFound(record: KeptSnapshot): void {
    this.#put(record.id, record, record.bytes, this.#ageByWallClock(record.takenAt));
  }

  addUnreadable(id: string, file: { readonly bytes: number; readonly modifiedAt: number }): void {
    this.#put(id, undefined, file.bytes, this.#ageByWallClock(file.modifiedAt));
  }

  /** One of which the file could not be removed: it is over, and its file's turn comes again. */
  addUnremoved(id: string): void {
    this.#put(id, undefined, 0, this.#limits.ttlMs - retryMs);
  }

  /** What its file holds turned out to be unreadable. */
  spoil(id: string): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) this.#entries.set(id, { ...entry, record: undefined });
  }

  /** In the order in which they were kept; none whose time is over. */
  records(): KeptSnapshot[] {
    const records: KeptSnapshot[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.record !== undefined && !this.#isOver(entry)) records.push(entry.record);
    }
    return records.sort((a, b) => a.sequence - b.sequence);
  }

  find(id: string): KeptSnapshot | undefined {
    const entry = this.#entries.get(id);
    return entry === undefined || this.#isOver(entry) ? undefined : entry.record;
  }

  isUnreadable(id: string): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && entry.record === undefined && !this.#isOver(entry);
  }

  ageMs(id: string): number | undefined {
    const entry = this.#entries.get(id);
    return entry === undefined || this.find(id) === undefined ? undefined : this.#ageOf(entry);
  }

  /** False if it was not there. */
  take(id: string): boolean {
    return this.#entries.delete(id);
  }

  /** Takes out what is too old or too much, and gives the ids. */
  takeSurplus(): string[] {
    const taken: string[] = [];
    const take = (id: string) => {
      if (this.#entries.delete(id)) taken.push(id);
    };
    for (const [id, entry] of this.#entries) if (this.#isOver(entry)) take(id);
    const newestFirst = this.records().reverse();
    const rank = rankByPlugin(newestFirst);
    for (const { id } of newestFirst) if ((rank.get(id) ?? 0) >= this.#limits.maxPerPlugin) take(id);
    let bytes = 0;
    for (const entry of this.#entries.values()) bytes += entry.bytes;
    for (const id of this.#byWorth(rank)) {
      if (bytes <= this.#limits.maxBytes) break;
      bytes -= this.#entries.get(id)?.bytes ?? 0;
      take(id);
    }
    return taken;
  }

  /** When the next one is over. Undefined: there is none. */
  nextExpiryMs(): number | undefined {
    let next: number | undefined;
    for (const entry of this.#entries.values()) {
      next = Math.min(next ?? Number.POSITIVE_INFINITY, this.#limits.ttlMs - this.#ageOf(entry));
    }
    return next;
  }

  /** What can be missed most easily first: the unreadable, then the old; the newest of each plugin last. */
  #byWorth(rank: ReadonlyMap<string, number>): string[] {
    const unreadable = [...this.#entries].filter(([, { record }]) => record === undefined).map(([id]) => id);
    const oldestFirst = this.records().map(({ id }) => id);
    const isNewest = (id: string) => rank.get(id) === 0;
    return [
      ...unreadable,
      ...oldestFirst.filter((id) => !isNewest(id)),
      ...oldestFirst.filter((id) => isNewest(id)),
    ];
  }

  #put(id: string, record: KeptSnapshot | undefined, bytes: number, ageWhenSeenMs: number): void {
    this.#entries.set(id, { record, bytes, ageWhenSeenMs, seenAt: this.#limits.monotonicNow() });
    this.#sequence = Math.max(this.#sequence, record?.sequence ?? 0);
  }

  #ageByWallClock(since: number): number {
    return Math.max(0, this.#limits.now() - since);
  }

  #ageOf({ ageWhenSeenMs, seenAt }: Entry): number {
    return ageWhenSeenMs + this.#limits.monotonicNow() - seenAt;
  }

  #isOver(entry: Entry): boolean {
    return this.#ageOf(entry) >= this.#limits.ttlMs;
  }
}

/** How many newer ones of its plugin there are, for each. */
function rankByPlugin(newestFirst: readonly KeptSnapshot[]): Map<string, number> {
  const counts = new Map<string, number>();
  const rank = new Map<string, number>();
  for (const { id, plugin } of newestFirst) {
    const newer = counts.get(plugin) ?? 0;
    rank.set(id, newer);
    counts.set(plugin, newer + 1);
  }
  return rank;
}
