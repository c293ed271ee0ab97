import type { Replica } from './replica';

/** What has left a generation, or is on its way, until nothing of it is left. */
export class Departures {
  readonly #leaving = new Set<Replica>();
  readonly #work = new Set<Promise<void>>();

  /** Out of the route, and not ended yet. */
  get replicas(): readonly Replica[] {
    return [...this.#leaving];
  }

  has(replica: Replica): boolean {
    return this.#leaving.has(replica);
  }

  /** An instance finishes what it has, and ends with this work. */
  add(replica: Replica, work: Promise<void>): Promise<void> {
    this.#leaving.add(replica);
    return this.wait(work.finally(() => this.#leaving.delete(replica)));
  }

  /** Remembers work until it has ended. Its failure has been logged; who stops the generation in time throws it. */
  wait(work: Promise<void>): Promise<void> {
    const waited = work.finally(() => this.#work.delete(waited));
    waited.catch(() => {});
    this.#work.add(waited);
    return waited;
  }

  /** All that is under way now. */
  get work(): readonly Promise<void>[] {
    return [...this.#work];
  }
}
