/** One number a key; they are gone with the process. */
export class Store {
  readonly #values = new Map<string, number>();
  /** The last update of each key that has one under way. */
  readonly #updates = new Map<string, Promise<number>>();

  get(key: string): number | undefined {
    return this.#values.get(key);
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
      const value = await next(this.#values.get(key) ?? 0);
      this.#values.set(key, value);
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
