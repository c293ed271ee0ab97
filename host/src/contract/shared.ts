/** Values that never change, once for all who have the same: kept for as long as anybody has them, and no longer. */
export class Shared<T extends object> {
  readonly #values = new Map<string, WeakRef<T>>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    // Meanwhile it may have been made again.
    if (this.#values.get(key)?.deref() === undefined) this.#values.delete(key);
  });

  /** How many there are, with those that nobody has but that have not been cleared away yet. */
  get size(): number {
    return this.#values.size;
  }

  /**
   * The value of that key, made unless somebody has it. What `make` throws is thrown, and nothing kept.
   *
   * @param key says all that the value is made of
   */
  get(key: string, make: () => T): T {
    const known = this.#values.get(key)?.deref();
    if (known !== undefined) return known;
    const value = make();
    this.#values.set(key, new WeakRef(value));
    this.#gone.register(value, key);
    return value;
  }
}
