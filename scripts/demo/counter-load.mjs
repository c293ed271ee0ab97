// Counts without pause, each loop with a key of its own, and sees that no addition is lost and none made twice.
import { CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { Ledger } from './ledger.mjs';

export class CounterLoad extends Ledger {
  #plugin;

  constructor(plugin) {
    super();
    this.#plugin = plugin;
  }

  start({ loops, pauseMs }) {
    for (let i = 0; i < loops; i++) this.run(this.#count(`c${i}`), pauseMs);
  }

  #count(key) {
    const client = this.#plugin.client(CounterDefinition);
    let last;
    return async () => {
      const { value, pid } = await client.put({ key, value: 1, helper: 0 }, { timeoutMs: 30_000 });
      const before = last;
      last = value;
      if (before !== undefined && value !== before + 1) {
        throw new Error(`${key} was ${before}, and is ${value} after 1 was added`);
      }
      return [pid];
    };
  }
}
