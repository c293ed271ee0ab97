/** A bucket of tokens that fills with time. */
class Bucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #level: number;
  #at: number;

  constructor(perSecond: number, capacity: number, now: number) {
    this.#perMs = perSecond / 1000;
    this.#capacity = capacity;
    this.#level = capacity;
    this.#at = now;
  }

  fill(now: number): void {
    this.#level = Math.min(this.#capacity, this.#level + (now - this.#at) * this.#perMs);
    this.#at = now;
  }

  get level(): number {
    return this.#level;
  }

  take(amount: number): void {
    this.#level -= amount;
  }

  /** Until the level is above zero again. */
  get msToRecover(): number {
    return Math.max(0, -this.#level / this.#perMs);
  }
}

const monotonic = (): number => performance.now();

const MIB = 1024 * 1024;
/** What a piece costs at least, however small: to take it is work, and bytes alone would not limit empty ones. */
const PIECE_BYTES = 4096;

/**
 * What all instances of a process may print together before they are slowed down: they share one event loop. One
 * instance alone does not reach it.
 */
export class SharedBudget {
  readonly #drained: Bucket;

  constructor(now: () => number = monotonic) {
    this.#drained = new Bucket(128 * MIB, 64 * MIB, now());
  }

  /** Returns for how many milliseconds not to read on. */
  arrived(bytes: number, now: number): number {
    this.#drained.fill(now);
    this.#drained.take(bytes);
    return this.#drained.msToRecover;
  }
}

const everybody = new SharedBudget();

/**
 * How much one instance may print. Lines within the budget become records; what is beyond is counted and thrown
 * away; and where even throwing it away would keep the host busy, reading slows down: then it is the plugin that
 * waits in its own write.
 */
export class OutputBudget {
  readonly #now: () => number;
  readonly #shared: SharedBudget;
  readonly #lines: Bucket;
  readonly #bytes: Bucket;
  readonly #drained: Bucket;

  constructor(now: () => number = monotonic, shared: SharedBudget = everybody) {
    this.#now = now;
    this.#shared = shared;
    const start = now();
    this.#lines = new Bucket(2_000, 5_000, start);
    this.#bytes = new Bucket(4 * MIB, 16 * MIB, start);
    // A chunk of a pipe costs the event loop a tenth of a millisecond: so many a second, one at a time, and calls of
    // other plugins hardly notice. What may come at once is what the log itself takes at once, and as much again.
    this.#drained = new Bucket(64 * MIB, 32 * MIB, start);
  }

  /** To be called once for each chunk, before {@link take}. Returns for how many milliseconds not to read on. */
  arrived(bytes: number): number {
    const now = this.#now();
    this.#lines.fill(now);
    this.#bytes.fill(now);
    this.#drained.fill(now);
    const cost = Math.max(bytes, PIECE_BYTES);
    this.#drained.take(cost);
    return Math.max(this.#drained.msToRecover, this.#shared.arrived(cost, now));
  }

  /** Whether a piece of output may become a record. A piece without a line feed costs its bytes only. */
  take(bytes: number, lines: 0 | 1): boolean {
    if (this.#lines.level < 1 || this.#bytes.level < bytes) return false;
    this.#lines.take(lines);
    this.#bytes.take(bytes);
    return true;
  }
}
