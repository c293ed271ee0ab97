import { Watchdog } from './watchdog';

/** Streams that the peer owes something, each with a limit of its own. */
export class LimitsById {
  readonly #limitMs: number;
  readonly #onExpired: (id: number) => void;
  readonly #limits = new Map<number, Watchdog>();

  constructor(limitMs: number, onExpired: (id: number) => void) {
    this.#limitMs = limitMs;
    this.#onExpired = onExpired;
  }

  get size(): number {
    return this.#limits.size;
  }

  add(id: number): void {
    const limit = new Watchdog(this.#limitMs, () => {
      this.#limits.delete(id);
      this.#onExpired(id);
    });
    this.#limits.set(id, limit);
    limit.start();
  }

  /** False if it is not there. */
  remove(id: number): boolean {
    this.#limits.get(id)?.stop();
    return this.#limits.delete(id);
  }

  clear(): void {
    for (const limit of this.#limits.values()) limit.stop();
    this.#limits.clear();
  }
}
