import { AsyncLocalStorage } from 'node:async_hooks';
import type { Lineage } from './lineage';

/** Work on behalf of a call in flight: what it starts descends from that call. */
export interface CallScope {
  /** Runs work inside, with all that it goes on to do asynchronously. */
  enter<T>(work: () => T): T;
  /** The call has ended: nothing descends from it any more, whatever still runs. */
  end(): void;
}

/** Knows which lineage the code that runs belongs to. Each host and each plugin has its own: they name plugins differently. */
export class LineageContext {
  /** Not before the first lineage: a storage in use costs time with each promise of the process. */
  #storage: AsyncLocalStorage<Scope> | undefined;

  /** Undefined outside of any lineage. */
  get current(): Lineage | undefined {
    return this.#storage?.getStore()?.lineage;
  }

  /**
   * Begins the scope of a call. Undefined where it would make no difference, which is without a lineage as long as there
   * has been none: a later call without one must not take the lineage of the connection that it comes from.
   */
  begin(lineage: Lineage): CallScope;
  begin(lineage: Lineage | undefined): CallScope | undefined;
  begin(lineage: Lineage | undefined): CallScope | undefined {
    if (lineage !== undefined) this.#storage ??= new AsyncLocalStorage();
    return this.#storage === undefined ? undefined : new Scope(this.#storage, lineage);
  }
}

class Scope implements CallScope {
  readonly #storage: AsyncLocalStorage<Scope>;
  #lineage: Lineage | undefined;

  constructor(storage: AsyncLocalStorage<Scope>, lineage: Lineage | undefined) {
    this.#storage = storage;
    this.#lineage = lineage;
  }

  get lineage(): Lineage | undefined {
    return this.#lineage;
  }

  enter<T>(work: () => T): T {
    return this.#storage.run(this, work);
  }

  // Sockets and timers that were made inside keep the scope for as long as they live.
  end(): void {
    this.#lineage = undefined;
  }
}
