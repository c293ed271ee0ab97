import type { StateHandle } from '@plugd/sdk';
import type { Numbers } from './numbers';

/** One number a key, which outlive the process: they are the plugin's state. */
export class Store {
  readonly #state: StateHandle<Numbers>;
  /** The last update of each key that has one under way. */
  readonly #updates = new Map<string, Promise<number>>();

  constructor(state: StateHandle<Numbers>) {
    this.#state = state;
  }

  get(key: string): number | undefined {
    return this.#state.value.get(key);
  }

  /**
   * Stores what the function makes of the old number, unless it fails. Updates of one key wait for each other, so that no
   * addition is lost; readers wait for none.
   */
  async update(key: string, next: (old: number) => Promise<number>): Promise<number> {
    const before = this.#updates.get(key);
    const update = (async () => {
      // It has told its own caller.
      await before?.catch(() => {});
      const value = await next(this.get(key) ?? 0);
      this.#state.value.set(key, value);
      return value;
    })();
    this.#updates.set(key, update);
    try {
      return await update;
    } finally {
      if (this.#updates.get(key) === update) this.#updates.delete(key);
    }
  }
}
