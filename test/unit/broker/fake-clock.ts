import type { Clock } from '@plugd/protocol/broker/clock';

/** Time that passes when a test says so. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Map<object, { at: number; callback: () => void }>();

  get pending(): number {
    return this.#timers.size;
  }

  after(ms: number, callback: () => void): () => void {
    const key = {};
    this.#timers.set(key, { at: this.#now + ms, callback });
    return () => this.#timers.delete(key);
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
      if (next === undefined) break;
      const [key, { at, callback }] = next;
      this.#now = at;
      this.#timers.delete(key);
      callback();
    }
    this.#now = end;
  }
}
