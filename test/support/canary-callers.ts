import type { Plugin } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import type { CanaryBook } from './canary-book';

export interface CallerPlan {
  /** Callers whose calls may be made twice. Default 8. */
  readonly repeatable?: number;
  /** Callers whose calls may not. Default 4. */
  readonly single?: number;
  /** Callers that say who they are, by this key of their metadata. Default: none. */
  readonly sticky?: { readonly key: string; readonly callers: number };
  /** How long each rests between two calls, in milliseconds. Default 1. */
  readonly restMs?: number;
  /** How long a call may take. Default: so long that what needs it hangs. */
  readonly timeoutMs?: number;
}

/** Callers of a canary, each of which makes one call after the other until all are told to end. */
export class CanaryCallers {
  readonly #plugin: Plugin;
  readonly #loops: Promise<void>[];
  #ending = false;

  constructor(
    plugin: Plugin,
    readonly book: CanaryBook,
    { repeatable = 8, single = 4, sticky, restMs = 1, timeoutMs = 20_000 }: CallerPlan = {},
  ) {
    this.#plugin = plugin;
    const client = plugin.client(CounterDefinition);
    const loop = (index: number, mayRepeat: boolean, key?: string): Promise<void> => {
      const metadata = sticky === undefined || key === undefined ? {} : { metadata: { [sticky.key]: key } };
      const options = { timeoutMs, ...metadata };
      return this.#loop(mayRepeat, key, restMs, () =>
        mayRepeat
          ? client.get({ key: `k${index}` }, options)
          : client.put({ key: `k${index}`, value: 1, helper: 0 }, options),
      );
    };
    this.#loops = [
      ...Array.from({ length: repeatable }, (_, i) => loop(i, true)),
      ...Array.from({ length: single }, (_, i) => loop(i, false)),
      ...Array.from({ length: sticky?.callers ?? 0 }, (_, i) => loop(i, i % 2 === 0, `caller-${i}`)),
    ];
  }

  /** Resolves when so many more calls have ended. */
  async more(calls = 20, limitMs = 15_000): Promise<void> {
    const due = performance.now() + limitMs;
    const enough = this.book.calls.length + calls;
    while (this.book.calls.length < enough) {
      if (performance.now() > due) throw new Error(`no ${calls} calls ended within ${limitMs} ms`);
      await new Promise((next) => setTimeout(next, 5));
    }
  }

  /** Resolves when each has ended its last call. */
  async end(): Promise<CanaryBook> {
    this.#ending = true;
    await Promise.all(this.#loops);
    return this.book;
  }

  async #loop(
    repeatable: boolean,
    key: string | undefined,
    restMs: number,
    call: () => Promise<{ servedBy: string; pid: number }>,
  ): Promise<void> {
    // A test that has failed leaves them alone, with a plugin that is stopped.
    while (!this.#ending && this.#plugin.status().state !== 'stopped') {
      const well = await this.book.enter({ repeatable, key }, call);
      // Calls that are refused at once would leave the event loop no time for anything else.
      await new Promise((next) => setTimeout(next, well ? restMs : Math.max(restMs, 5)));
    }
  }
}
