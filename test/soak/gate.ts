/** Where those who work pass by between two pieces of work, so that all of them can be made to rest. */
export class Gate {
  #working = 0;
  #closed: PromiseWithResolvers | undefined;
  #onRest: (() => void) | undefined;

  /** Does a piece of work once the gate is open. What it throws is its caller's. */
  async pass(work: () => Promise<void>): Promise<void> {
    while (this.#closed !== undefined) await this.#closed.promise;
    this.#working++;
    try {
      await work();
    } finally {
      this.#working--;
      if (this.#working === 0) this.#onRest?.();
    }
  }

  /** Lets nobody begin any more, and waits for those who have begun. */
  async close(): Promise<void> {
    this.#closed ??= withResolvers();
    if (this.#working === 0) return;
    await new Promise<void>((resolve) => {
      this.#onRest = resolve;
    });
    this.#onRest = undefined;
  }

  open(): void {
    this.#closed?.resolve();
    this.#closed = undefined;
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
