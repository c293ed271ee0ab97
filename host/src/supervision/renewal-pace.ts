/** The pause between two replacements for what a process uses; where they are of no use it doubles. */
const firstPauseMs = 1_000;
const longestPauseMs = 3_600_000;

/** Whoever is over a limit so soon after it began needs that much: what leaks takes longer. */
const soonMs = 300_000;

/** Who uses too much. */
export interface Outgrown {
  /** When it began to serve: `performance.now()`. */
  readonly servedSince: number;
}

/**
 * How often what uses too much may be replaced. Where one after the other is over its limit at once, or no other one
 * comes up, that is tried ever more rarely: it would help nobody.
 */
export class RenewalPace {
  #renewals = 0;
  #renewedAt = Number.NEGATIVE_INFINITY;
  /** The last one that was seen to be over its limit. */
  #over: Outgrown | undefined;

  /**
   * Whether it may be replaced now; then that counts as begun.
   *
   * @param aged that it is old, which says nothing of the next one
   */
  take(now: number, outgrown: Outgrown | undefined, { aged }: { readonly aged: boolean }): boolean {
    if (outgrown !== this.#over) {
      this.#over = outgrown;
      if (aged || now - (outgrown?.servedSince ?? now) >= soonMs) this.#renewals = 0;
    }
    const pauseMs = Math.min(firstPauseMs * 2 ** Math.max(0, this.#renewals - 1), longestPauseMs);
    if (now < this.#renewedAt + pauseMs) return false;
    this.#renewedAt = now;
    this.#renewals++;
    return true;
  }
}
