/** Looks at things by their names: one at a time of each, and none too few. */
export class Looks {
  readonly #look: (name: string) => Promise<void>;
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

  /** @param look must not reject */
  constructor(look: (name: string) => Promise<void>) {
    this.#look = look;
  }

  /** Resolves when a look has been taken that began from now on. */
  take(name: string): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return this.#begin(name);
    const known = this.#next.get(name);
    if (known !== undefined) return known;
    const next = running.then(() => {
      this.#next.delete(name);
      return this.#begin(name);
    });
    this.#next.set(name, next);
    return next;
  }

  #begin(name: string): Promise<void> {
    const running = this.#look(name).finally(() => this.#running.delete(name));
    this.#running.set(name, running);
    return running;
  }
}
