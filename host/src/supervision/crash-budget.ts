export interface CrashBudgetOptions {
  /** So many are borne. */
  readonly crashes: number;
  /** Within this time. */
  readonly withinMs: number;
}

/**
 * How many crashes in how long a time are borne, as OTP's intensity and period: more than that many in a sliding
 * window exhaust it.
 *
 * OTP's own 1 in 5 s suits a tree in which a supervisor above acts next. Nobody stands above this one but people,
 * so the defaults (restart-options.ts) are those of somebody who would rather serve.
 */
export class CrashBudget {
  readonly #crashes: number;
  readonly #withinMs: number;
  /** When the crashes in the window happened; never more than one above the budget. */
  #times: number[] = [];

  constructor({ crashes, withinMs }: CrashBudgetOptions) {
    this.#crashes = crashes;
    this.#withinMs = withinMs;
  }

  /** @param now monotonic, in ms, never less than in the call before */
  record(now: number): 'within' | 'exhausted' {
    this.#forget(now);
    this.#times.push(now);
    if (this.#times.length <= this.#crashes) return 'within';
    this.#times = this.#times.slice(-this.#crashes - 1);
    return 'exhausted';
  }

  /** How many crashes the window holds. */
  count(now: number): number {
    this.#forget(now);
    return this.#times.length;
  }

  reset(): void {
    this.#times = [];
  }

  #forget(now: number): void {
    this.#times = this.#times.filter((time) => now - time < this.#withinMs);
  }
}
