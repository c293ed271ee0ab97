import { waitAtMost } from '../launch/wait-at-most';

/** How long an event is waited for to be followed by more. */
export const gatherMs = 20;

const longestEndMs = 5_000;

/** Makes one look at a time, when it is due: at the earliest of the times that were asked for. */
export class LookLoop {
  readonly #look: (signal: AbortSignal) => Promise<void>;
  readonly #ending = new AbortController();
  readonly #onFailure: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #looking: Promise<void> | undefined;

  /**
   * @param look may end at once when its signal fires
   * @param onFailure of looks that nobody waits for
   */
  constructor(look: (signal: AbortSignal) => Promise<void>, onFailure: (error: unknown) => void) {
    this.#look = look;
    this.#onFailure = onFailure;
  }

  /** Looks again, at the latest after so long. */
  soon(ms: number): void {
    if (this.#ending.signal.aborted) return;
    const dueMs = performance.now() + ms;
    if (dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      void this.#due();
    }, ms);
  }

  /** A look that begins after this was called. Rejects as the look does. Once it is stopped, nothing. */
  async now(): Promise<void> {
    // Whoever began that one hears of its failure.
    while (this.#looking !== undefined) await this.#looking.catch(() => {});
    if (this.#ending.signal.aborted) return;
    const { signal } = this.#ending;
    this.#looking = this.#look(signal)
      .catch((error: unknown) => {
        // Nobody asks any more what there is.
        if (!signal.aborted) throw error;
      })
      .finally(() => {
        this.#looking = undefined;
      });
    await this.#looking;
  }

  async #due(): Promise<void> {
    if (this.#looking === undefined) return this.now().catch(this.#onFailure);
    await this.#looking.catch(() => {});
    this.soon(gatherMs);
  }

  /** Ends the look that is under way; resolves when it has ended, at the latest after so long: a file system may never answer. */
  async stop(limitMs = longestEndMs): Promise<void> {
    this.#ending.abort();
    clearTimeout(this.#timer);
    const ended = this.#looking?.catch(() => {});
    if (ended !== undefined) await waitAtMost(ended, limitMs);
  }
}
