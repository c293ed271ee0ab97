export interface BackoffOptions {
  /** The longest wait before the second try; it doubles for each one after it. */
  readonly initialMs: number;
  /** No wait is longer than this. */
  readonly maxMs: number;
  /** From 0 up to, but not including, 1. */
  readonly random?: () => number;
}

/**
 * The waits between tries that keep failing: exponential, with full jitter, so that plugins that fell together
 * don't rise together.
 *
 * The first wait is 0: most crashes are single ones, and callers wait for nothing else meanwhile. Only what fails
 * again at once has to wait.
 */
export class Backoff {
  readonly #initialMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #tries = 0;

  constructor({ initialMs, maxMs, random = Math.random }: BackoffOptions) {
    this.#initialMs = initialMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** How many waits were taken since the last reset. */
  get tries(): number {
    return this.#tries;
  }

  /** In whole milliseconds, as timers count. */
  next(): number {
    const doublings = this.#tries - 1;
    this.#tries += 1;
    if (doublings < 0 || this.#initialMs === 0) return 0;
    // Beyond 2^1023 the power is Infinity, and the maximum still holds.
    return Math.floor(this.#random() * Math.min(this.#maxMs, this.#initialMs * 2 ** doublings));
  }

  reset(): void {
    this.#tries = 0;
  }
}
