import { createInterface } from 'node:readline';
import { connectHost, type LoadOptions } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';

// An application of its own: loads a plugin, and says with each line that it reads who answers it.

async function main(socket = '', options = ''): Promise<void> {
  await using host = await connectHost({ socket });
  const loaded: LoadOptions = { ...JSON.parse(options), contract: KvDefinition };
  const plugin = await host.load(loaded);
  const kv = plugin.client(KvDefinition);
  const say = async () => {
    const { pid } = await kv.get({ key: 'k' }, { timeoutMs: 20_000 });
    // What another application has done is told here a moment later.
    for (let tries = 0; plugin.status().instances[0]?.pid !== pid && tries < 500; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    console.log(JSON.stringify({ pid, version: plugin.status().version }));
  };
  await say();
  for await (const _line of createInterface({ input: process.stdin })) await say();
}

void main(...process.argv.slice(2));
