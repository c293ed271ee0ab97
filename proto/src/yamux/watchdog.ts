/** A timer that is this late means that this process stood still, and heard nothing of what its peer did meanwhile. */
const STALL_MS = 500;

/**
 * A limit on how long the peer may take. It never keeps the process alive, and it starts anew where it was this process
 * that stood still: a peer is not to be blamed for that.
 */
export class Watchdog {
  readonly #limitMs: number;
  readonly #onExpired: () => void;
  #timer: NodeJS.Timeout | undefined;
  #due = 0;

  constructor(limitMs: number, onExpired: () => void) {
    this.#limitMs = limitMs;
    this.#onExpired = onExpired;
  }

  /** Starts it, or starts it anew. */
  start(): void {
    this.#due = performance.now() + this.#limitMs;
    if (this.#timer !== undefined) {
      this.#timer.refresh();
      return;
    }
    this.#timer = setTimeout(() => {
      if (performance.now() - this.#due > STALL_MS) {
        this.start();
        return;
      }
      this.#timer = undefined;
      this.#onExpired();
    }, this.#limitMs).unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
