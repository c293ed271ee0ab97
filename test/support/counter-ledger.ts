import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import type { CounterEntry } from './linearizability';

/** The book of a counter's calls, for `checkLinearizable`. What a call answers is what its key holds. */
export class CounterLedger {
  readonly entries: CounterEntry[] = [];
  /** What calls failed with, in the order of their ends. */
  readonly errors: unknown[] = [];
  readonly #epoch = process.hrtime.bigint();

  /** Enters a call that adds. Resolves to its answer; undefined if it failed. */
  add(client: number, key: string, value: number, call: () => Promise<number>): Promise<number | undefined> {
    return this.#enter({ client, op: 'add', key, value }, call);
  }

  /** Enters a call that reads: 0 for a key that is not there. Resolves to its answer; undefined if it failed. */
  get(client: number, key: string, call: () => Promise<number>): Promise<number | undefined> {
    return this.#enter({ client, op: 'get', key }, call);
  }

  async #enter(
    what: Pick<CounterEntry, 'client' | 'op' | 'key' | 'value'>,
    call: () => Promise<number>,
  ): Promise<number | undefined> {
    const begin = this.#now();
    try {
      const answer = await call();
      this.entries.push({ ...what, answer, status: 'ok', begin, end: this.#now() });
      return answer;
    } catch (error) {
      // Anything else may have reached the plugin.
      const status = error instanceof RpcError && error.executed === 'no' ? 'failed' : 'unknown';
      this.entries.push({ ...what, answer: null, status, begin, end: this.#now() });
      this.errors.push(error);
      return undefined;
    }
  }

  /** Whole nanoseconds since the book was opened: exact, unlike those since the machine was. */
  #now(): number {
    return Number(process.hrtime.bigint() - this.#epoch);
  }
}
