import type { Plugin } from '@plugd/host';
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import type { CounterLedger } from './counter-ledger';
import { put } from './counter-room';
import { poll } from './poll';

const limits = { timeoutMs: 20_000 };

/** Callers of a host's counter, each with one call at a time, whose calls and answers go into a ledger. */
export class CounterCallers {
  readonly #callers: Promise<void>[];
  #going = true;

  /** They begin at once. Two of three calls add, by calling back into the host. */
  constructor(
    readonly plugin: Plugin,
    readonly ledger: CounterLedger,
    { callers = 32, keys = 8 } = {},
  ) {
    this.#callers = Array.from({ length: callers }, (_, client) => this.#call(client, keys));
  }

  /** Resolves when so many calls more have ended. */
  async goOn(calls: number): Promise<void> {
    const wanted = this.ledger.entries.length + calls;
    await poll(
      () => this.ledger.entries.length,
      (ended) => ended >= wanted,
    );
  }

  /** Ends them, and reads each key once more. */
  async stop(): Promise<void> {
    this.#going = false;
    await Promise.all(this.#callers);
    for (const key of new Set(this.ledger.entries.map((entry) => entry.key))) {
      await this.#get(this.#callers.length, key);
    }
  }

  async #call(client: number, keys: number): Promise<void> {
    for (let i = client; this.#going; i += 1) {
      const key = `key ${i % keys}`;
      if (i % 3 === 0) await this.#get(client, key);
      else await this.#add(client, key, 1 + (i % 7));
    }
  }

  #get(client: number, key: string): Promise<number | undefined> {
    const counter = this.plugin.client(CounterDefinition);
    return this.ledger.get(client, key, async () => (await counter.get({ key }, limits)).value);
  }

  #add(client: number, key: string, value: number): Promise<number | undefined> {
    const call = async () => (await this.plugin.pinned((scope) => put(scope, key, value))).value;
    return this.ledger.add(client, key, value, call);
  }
}
