import { type HookLimits, withinLimit } from './limits';

export interface Step {
  readonly limitMs: number;
  /** Makes the error of the limit. */
  readonly late: () => Error;
  readonly work: (limits: HookLimits) => Promise<void>;
  /** Whether {@link Turns.giveUp} ends it. Default: false. */
  readonly yields?: boolean;
}

/**
 * One step of the handoff at a time. A step whose time is over has failed for who asked for it, but its turn lasts until
 * the author's hook has ended: else what a late hook does would come after the step that undoes it.
 */
export class Turns {
  /** Resolves when all that has begun has ended. */
  #last: Promise<void> = Promise.resolve();
  readonly #yielding = new Set<AbortController>();

  /**
   * Waits for its turn and does the work, all within the limit.
   * @throws what the work throws, the error of the limit, or what {@link giveUp} was given
   */
  async take(step: Step): Promise<void> {
    const { limitMs, late, work, yields = false } = step;
    const before = this.#last;
    const stop = new AbortController();
    if (yields) this.#yielding.add(stop);
    let end = (): void => {};
    this.#last = new Promise((resolve) => {
      end = resolve;
    });
    const inTurn = async (limits: HookLimits): Promise<void> => {
      try {
        await before;
        limits.signal.throwIfAborted();
        await work(limits);
      } finally {
        end();
      }
    };
    try {
      await withinLimit(limitMs, late, inTurn, stop.signal);
    } finally {
      this.#yielding.delete(stop);
    }
  }

  /** Those that yield are not wanted any more, whether they have begun or not. */
  giveUp(reason: Error): void {
    for (const stop of this.#yielding) stop.abort(reason);
  }
}
