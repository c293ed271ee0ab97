// Work with a plugin that calls its host back, and hands out connections of its own.
import {
  AddHelperDefinition,
  CounterDefinition,
  CounterSessionDefinition,
} from '@plugd/protocol/gen/samples/counter/v1/counter';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { Ledger } from './ledger.mjs';

export class CallbackLoad extends Ledger {
  #plugin;

  constructor(plugin) {
    super();
    this.#plugin = plugin;
  }

  start({ loops }) {
    for (let loop = 0; loop < loops; loop++) this.run((i) => this.#work(`k${loop}-${i}`, i));
  }

  /** The ids of the broker belong to one instance, so the whole of it stays with one. */
  #work(key, i) {
    return this.#plugin.pinned(async ({ broker, client, pid }) => {
      let sums = 0;
      const helper = await broker.serve(AddHelperDefinition, {
        async sum({ a, b }) {
          sums++;
          return { r: a + b };
        },
      });
      const counter = client(CounterDefinition);
      const put = await counter.put({ key, value: i, helper });
      if (put.value !== i || sums !== 1)
        throw new Error(`the plugin called back ${sums} times and has ${put.value}`);
      const { session } = await counter.open({});
      const read = await createPromiseClient(CounterSessionDefinition, await broker.dial(session)).read({
        key,
      });
      if (read.value !== i) throw new Error(`the session read ${read.value} instead of ${i}`);
      return [pid, put.pid, read.pid];
    });
  }
}
