// Work with a counter that calls its host back, and hands out connections of its own.
import {
  AddHelperDefinition,
  CounterDefinition,
  CounterSessionDefinition,
} from '@plugd/protocol/gen/samples/counter/v1/counter';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { Ledger } from './ledger.mjs';

export class CallbackLoad extends Ledger {
  #plugin;
  /** What each loop has counted so far. */
  #counted = [];

  constructor(plugin) {
    super();
    this.#plugin = plugin;
  }

  start({ loops }) {
    for (let loop = 0; loop < loops; loop++) this.run(() => this.#work(loop));
  }

  /** What the plugin has counted, as its callers have seen it. */
  get counted() {
    return this.#counted.reduce((sum, count) => sum + count, 0);
  }

  /**
   * Adds one to the loop's own key, and reads it again. The ids of the broker belong to one instance, so the whole of it stays with
   * one; the number goes from one to the next.
   */
  #work(loop) {
    return this.#plugin.pinned(async ({ broker, client, pid }) => {
      const key = `k${loop}`;
      let sums = 0;
      const helper = await broker.serve(AddHelperDefinition, {
        async sum({ a, b }) {
          sums++;
          return { r: a + b };
        },
      });
      const counter = client(CounterDefinition);
      const put = await counter.put({ key, value: 1, helper });
      const expected = (this.#counted[loop] ?? 0) + 1;
      // One loss is one failure.
      this.#counted[loop] = put.value;
      if (put.value !== expected || sums !== 1)
        throw new Error(`${key} is ${put.value} instead of ${expected}, after ${sums} calls back`);
      const { session } = await counter.open({});
      const read = await createPromiseClient(CounterSessionDefinition, await broker.dial(session)).read({
        key,
      });
      if (read.value !== expected) throw new Error(`the session read ${read.value} instead of ${expected}`);
      return [pid, put.pid, read.pid];
    });
  }
}
