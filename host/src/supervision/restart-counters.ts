/** Why an instance was replaced although nobody asked for it. */
export type RestartReason = 'crash' | 'unhealthy' | 'connection-lost' | 'limit';

/** What happened to the instances of a plugin since it was loaded, over all its generations. */
export interface RestartStatistics {
  /** Instances that were lost or had to be replaced, by reason: each once, when it happened, also in the midst of an operation. */
  readonly lost: Readonly<Record<RestartReason, number>>;
  /** Instances that took the place of those. */
  readonly restarts: number;
  /** Starts that failed meanwhile. */
  readonly failedStarts: number;
  /** How often it was given up. */
  readonly givenUp: number;
  /** From a loss to the instance that took its place, in milliseconds; undefined before the first one. */
  readonly recoverMs: { readonly last: number; readonly longest: number } | undefined;
}

export class RestartCounters {
  readonly #lost: Record<RestartReason, number> = {
    crash: 0,
    unhealthy: 0,
    'connection-lost': 0,
    limit: 0,
  };
  #restarts = 0;
  #failedStarts = 0;
  #givenUp = 0;
  #recoverMs: RestartStatistics['recoverMs'];

  get statistics(): RestartStatistics {
    return {
      lost: { ...this.#lost },
      restarts: this.#restarts,
      failedStarts: this.#failedStarts,
      givenUp: this.#givenUp,
      recoverMs: this.#recoverMs,
    };
  }

  lost(reason: RestartReason): void {
    this.#lost[reason]++;
  }

  recovered(elapsedMs: number): void {
    this.#restarts++;
    this.#recoverMs = { last: elapsedMs, longest: Math.max(elapsedMs, this.#recoverMs?.longest ?? 0) };
  }

  failedStart(): void {
    this.#failedStarts++;
  }

  gaveUp(): void {
    this.#givenUp++;
  }
}
