import type { Platform } from '../platform/platform';
import type { Measured, MemoryReadings } from './verdict';

/** The processes of one side at a moment. */
export type ListPids = () => readonly number[];

export interface MemorySides {
  readonly old: ListPids;
  readonly new: ListPids;
}

/**
 * Reads the memory of the host and of both generations around an operation: before it, at moments of it that the caller
 * chooses, and after it. Not by a timer, since on some systems each reading runs a program; between two readings may lie a
 * peak that nobody saw.
 */
export class MemoryWatch {
  readonly #platform: Platform;
  readonly #sides: MemorySides;
  readonly #readings = { host: new Readings(), old: new Readings(), new: new Readings() };

  constructor(platform: Platform, sides: MemorySides) {
    this.#platform = platform;
    this.#sides = sides;
  }

  get measured(): Measured['memory'] {
    const { host, old, new: next } = this.#readings;
    return { host: host.taken, old: old.taken, new: next.taken };
  }

  /** Before anything is done. None of these rejects. */
  before(): Promise<void> {
    return this.#read((reading, bytes) => reading.begin(bytes));
  }

  /** In the middle of it; what counts is the highest. */
  look(): Promise<void> {
    return this.#read((reading, bytes) => reading.add(bytes));
  }

  /** When all is done. */
  after(): Promise<void> {
    return this.#read((reading, bytes) => reading.end(bytes));
  }

  async #read(take: (reading: Readings, bytes: number | undefined) => void): Promise<void> {
    take(this.#readings.host, process.memoryUsage.rss());
    for (const side of ['old', 'new'] as const) {
      take(this.#readings[side], await residentBytes(this.#platform, this.#sides[side]()));
    }
  }
}

/** What processes have together; undefined where none of them is there, or the system doesn't tell. */
export async function residentBytes(
  platform: Platform,
  pids: readonly number[],
): Promise<number | undefined> {
  const usages = await Promise.all(pids.map((pid) => platform.usage(pid)));
  const known = usages.flatMap((usage) => usage?.memoryBytes ?? []);
  return known.length === 0 ? undefined : known.reduce((sum, bytes) => sum + bytes, 0);
}

class Readings {
  #before: number | undefined;
  #during: number | undefined;
  #after: number | undefined;

  get taken(): MemoryReadings {
    return { before: this.#before, during: this.#during, after: this.#after };
  }

  begin(bytes: number | undefined): void {
    this.#before = bytes;
    this.add(bytes);
  }

  add(bytes: number | undefined): void {
    if (bytes !== undefined) this.#during = Math.max(this.#during ?? 0, bytes);
  }

  end(bytes: number | undefined): void {
    this.add(bytes);
    this.#after = bytes;
  }
}
