import { status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { cleanUp } from '../rpc/local-server';
import { startGeneration } from './local-generation';
import { newRoute } from './local-route';

afterEach(cleanUp);

// What an endpoint tells whoever asks its plugin how it is.

async function told() {
  const route = newRoute();
  const { generation } = route.swap(
    await startGeneration(1, {
      async get({ key }, { signal }) {
        if (key === 'refused') throw new RpcError(status.RESOURCE_EXHAUSTED, 'Not now');
        if (key === 'never') await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return { found: false, servedBy: 'v1', pid: 1 };
      },
    }),
  );
  const [endpoint] = generation.endpoints;
  if (endpoint === undefined) throw new Error('there is one');
  const hints: string[] = [];
  endpoint.onLate = () => hints.push('late');
  return { endpoint, hints, client: createPromiseClient(KvDefinition, route.facade()) };
}

test('a call that had no answer by its deadline is told of; no other failure is', async () => {
  const { hints, client } = await told();
  await client.get({ key: 'k' });
  await expect(client.get({ key: 'refused' })).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  const given = new AbortController();
  const aborted = client.get({ key: 'never' }, { signal: given.signal });
  given.abort();
  await expect(aborted).rejects.toThrow();
  expect(hints).toEqual([]);
  await expect(client.get({ key: 'never' }, { timeoutMs: 30 })).rejects.toMatchObject({
    code: status.DEADLINE_EXCEEDED,
  });
  expect(hints).toEqual(['late']);
});

test('the first call after a rest is told of, and the next ones are not', async () => {
  const { endpoint, hints, client } = await told();
  endpoint.onWake = () => hints.push('awake');
  for (let i = 0; i < 3; i++) await client.get({ key: 'k' });
  expect(hints).toEqual(['awake']);
});
