import { PluginError } from '@plugd/protocol/plugin-error';

/** One operation at a time: a second one waits for its turn or is refused, as it asks. */
export class OperationQueue {
  readonly #plugin: string;
  #running: string | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(plugin: string) {
    this.#plugin = plugin;
  }

  /** The operation that runs now. */
  get running(): string | undefined {
    return this.#running;
  }

  /** Throws PluginError BUSY at once where `ifBusy` is `fail` and another operation runs or waits. */
  async run<T>(name: string, ifBusy: 'wait' | 'fail', work: () => Promise<T>): Promise<T> {
    if (ifBusy === 'fail' && (this.#running !== undefined || this.#waiting > 0)) {
      const running = this.#running ?? 'another operation';
      throw new PluginError('BUSY', `Plugin ${this.#plugin} is busy: ${running} runs.`, {
        facts: { running },
      });
    }
    this.#waiting++;
    const turn = this.#tail.then(async () => {
      this.#waiting--;
      this.#running = name;
      try {
        return await work();
      } finally {
        this.#running = undefined;
      }
    });
    this.#tail = turn.catch(() => {});
    return turn;
  }
}
