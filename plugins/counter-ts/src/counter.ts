import { status } from '@grpc/grpc-js';
import {
  AddHelperDefinition,
  type CounterDefinition,
  CounterSessionDefinition,
} from '@plugd/protocol/gen/samples/counter/v1/counter';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import {
  type ContextBroker,
  PluginError,
  RpcError,
  type ServiceCall,
  type ServiceImplementation,
} from '@plugd/sdk';
import type { Store } from './store';

/** samples.counter.v1.Counter: the host does the adding, unless it has no helper for it. */
export function counterService(
  version: string,
  broker: ContextBroker,
  store: Store,
): ServiceImplementation<CounterDefinition> {
  const signature = { servedBy: version, pid: process.pid };
  return {
    async put({ key, value, helper }, call) {
      const sum = await store.update(key, async (old) =>
        helper === 0 ? old + value : addByHost(broker, helper, { a: old, b: value }, call),
      );
      return { value: sum, ...signature };
    },

    get({ key }) {
      const value = store.get(key);
      return value === undefined ? { found: false, ...signature } : { found: true, value, ...signature };
    },

    async open() {
      const session = await broker.serve(
        CounterSessionDefinition,
        { read: ({ key }) => ({ value: store.get(key) ?? 0, ...signature }) },
        { untilLeft: true },
      );
      return { session, ...signature };
    },
  };
}

async function addByHost(
  broker: ContextBroker,
  helper: number,
  terms: { a: number; b: number },
  call: ServiceCall,
): Promise<number> {
  const channel = await broker.dial(helper).catch((error: unknown) => {
    if (!(error instanceof PluginError)) throw error;
    throw new RpcError(status.UNAVAILABLE, `helper ${helper}: ${error.message}`);
  });
  try {
    const { r } = await createPromiseClient(AddHelperDefinition, channel).sum(terms, { signal: call.signal });
    return r;
  } finally {
    // Before the answer: the host then takes its helper away.
    channel.close();
  }
}
