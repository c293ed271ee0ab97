import type { Logger } from './events/logger';
import type { BegunOperation } from './upgrade/operation-handle';

/** Called for each operation that is asked for: it should be quick. What it throws is logged. */
export type OperationListener = (begun: BegunOperation) => void;

/** Who wants to know of operations. */
export class OperationListeners {
  readonly #logger: Logger;
  readonly #listeners = new Set<OperationListener>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(listener: OperationListener): void {
    this.#listeners.add(listener);
  }

  remove(listener: OperationListener): void {
    this.#listeners.delete(listener);
  }

  tell(begun: BegunOperation): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(begun);
      } catch (error) {
        const { plugin } = begun;
        this.#logger.error('a listener to operations threw', { error: String(error), plugin });
      }
    }
  }
}
