/** How long an event is waited for to be followed by more. */
export const gatherMs = 20;

/** Makes one look at a time, when it is due: at the earliest of the times that were asked for. */
export class LookLoop {
  readonly #look: () => Promise<void>;
  readonly #onFailure: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #stopped = false;

  /** @param onFailure of looks that nobody waits for */
  constructor(look: () => Promise<void>, onFailure: (error: unknown) => void) {
    this.#look = look;
    this.#onFailure = onFailure;
  }

  /** Looks again, at the latest after so long. */
  soon(ms: number): void {
    if (this.#stopped) return;
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
    if (this.#stopped) return;
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
  }

  async #due(): Promise<void> {
    if (this.#looking === undefined) return this.now().catch(this.#onFailure);
    await this.#looking.catch(() => {});
    this.soon(gatherMs);
  }

  /** Resolves when the look that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking?.catch(() => {});
  }
}
