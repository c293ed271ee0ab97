import { performance } from 'node:perf_hooks';
import type { Plugin } from '@plugd/host';
import { AddHelperDefinition, CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';

/** One call that was answered, by the process with that id. */
interface Answer {
  readonly pid: number;
  /** By performance.now(). */
  readonly end: number;
}

/** What a key's answers, of which each must be one more than the last, say of the counter. */
export interface LedgerVerdict {
  /** Values that nobody has seen, below the highest. */
  readonly gaps: number;
  /** Answers that somebody else had already. */
  readonly repeats: number;
}

/**
 * Callers that add 1 to the keys of a counter without pause. Each addition is made by the host, whom the plugin calls
 * back for it: so among the calls there are always ones that descend from calls in flight.
 */
export class CounterLoad {
  calls = 0;
  failed = 0;
  firstFailure: unknown;
  readonly #plugin: Plugin;
  readonly #values = new Map<string, number[]>();
  readonly #callers: Promise<void>[];
  #answers: Answer[] = [];
  #stopped = false;

  /** @param keys each is shared by as many callers as it takes */
  constructor(plugin: Plugin, callers: number, keys: number) {
    this.#plugin = plugin;
    this.#callers = Array.from({ length: callers }, (_, caller) => this.#call(`key-${caller % keys}`));
  }

  /** When a process answered the last of its calls; undefined where it answered none since {@link forget}. */
  lastAnswerOf(pid: number): number | undefined {
    return this.#answers.findLast((answer) => answer.pid === pid)?.end;
  }

  /** The ledger goes on, the times are given up. */
  forget(): void {
    this.#answers = [];
  }

  /** Resolves when the last calls have been answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  /** Of all keys together. */
  verdict(): LedgerVerdict {
    let gaps = 0;
    let repeats = 0;
    for (const values of this.#values.values()) {
      const different = new Set(values);
      gaps += Math.max(0, ...different) - different.size;
      repeats += values.length - different.size;
    }
    return { gaps, repeats };
  }

  async #call(key: string): Promise<void> {
    const values = this.#values.get(key) ?? [];
    this.#values.set(key, values);
    while (!this.#stopped) {
      this.calls++;
      try {
        const { value, pid } = await this.#plugin.pinned(async ({ broker, client }) => {
          const helper = await broker.serve(AddHelperDefinition, { sum: ({ a, b }) => ({ r: a + b }) });
          return client(CounterDefinition).put({ key, value: 1, helper });
        });
        values.push(value);
        this.#answers.push({ pid, end: performance.now() });
      } catch (error) {
        this.failed++;
        this.firstFailure ??= error;
        // One that is down fails a call at once: don't spin.
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }
}
