import { setTimeout as sleep } from 'node:timers/promises';
import { Channel, credentials, status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { cleanUp, onCleanUp } from '../rpc/local-server';
import { startGeneration } from './local-generation';
import { newRoute } from './local-route';

afterEach(cleanUp);

/** A channel whose own timer for deadlines never comes first, as on a host that is short of CPU. */
class LateChannel extends Channel {
  override createCall(...[method, , ...rest]: Parameters<Channel['createCall']>) {
    return super.createCall(method, Number.POSITIVE_INFINITY, ...rest);
  }
}

/** A client of a plugin that ends every call with CANCELLED after so long, as Go does at a call's deadline. */
async function clientOf(afterMs: number) {
  const { target } = await startGeneration(1, {
    async get() {
      await sleep(afterMs);
      throw new RpcError(status.CANCELLED, 'Call cancelled');
    },
  });
  const channel = new LateChannel(target, credentials.createInsecure(), {});
  onCleanUp(() => channel.close());
  const route = newRoute();
  route.swap({ number: 1, channel });
  return createPromiseClient(KvDefinition, route.facade());
}

test('a call that the plugin ends at its deadline, before our own timer, ends with DEADLINE_EXCEEDED', async () => {
  const client = await clientOf(60);
  for (const limit of [{ timeoutMs: 40 }, { deadline: new Date(Date.now() + 40) }]) {
    await expect(client.get({ key: 'k' }, limit)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
  }
});

test('a call that the plugin cancels within its deadline, or that has none, ends with CANCELLED', async () => {
  const client = await clientOf(0);
  for (const limit of [{ timeoutMs: 3_600_000 }, {}]) {
    await expect(client.get({ key: 'k' }, limit)).rejects.toMatchObject({
      code: status.CANCELLED,
      details: 'Call cancelled',
    });
  }
});
