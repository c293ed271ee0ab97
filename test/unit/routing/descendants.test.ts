import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { LINEAGE_KEY } from '@plugd/protocol/rpc/lineage';
import { currentLineage, PinnedLineage } from '../../../host/src/routing/lineage';
import { rejection, until } from '../rpc/local-kv';
import { cleanUp } from '../rpc/local-server';
import { startGeneration } from './local-generation';
import { newRoute, routed } from './local-route';

afterEach(cleanUp);

/** The lineage of work that descends from a call of this plugin's generation. */
const under = (generation: number, plugin = 'kv'): PinnedLineage =>
  new PinnedLineage(plugin, generation, new AbortController().signal);

test('a call that descends from a call in flight is not held', async () => {
  const { route, client } = await routed({ holdLimitMs: 30_000 });
  const root = client.watch({ key: 'k', count: 0, intervalMs: 5 })[Symbol.asyncIterator]();
  await root.next();
  route.hold();
  const outside = client.get({ key: 'k' });
  expect(await under(1).run(() => client.get({ key: 'k' }))).toMatchObject({ servedBy: 'v1' });
  await root.return?.();
  // The others still wait.
  expect(route.heldCount).toBe(1);
  route.release();
  expect(await outside).toMatchObject({ servedBy: 'v1' });
});

test.each([
  ['another plugin', under(1, 'other')],
  ['a generation that is not there', under(7)],
  ['a generation that has no call in flight', under(1)],
])('a call that descends from %s is held as any', async (_what, lineage) => {
  const { route, client } = await routed({ holdLimitMs: 30_000 });
  route.hold();
  const call = lineage.run(() => client.get({ key: 'k' }));
  await until(() => route.heldCount === 1, 'the call is held');
  route.release();
  expect(await call).toMatchObject({ servedBy: 'v1' });
});

test('a call that descends from a generation with calls in flight goes there, wherever the route leads', async () => {
  const { route, client } = await routed();
  const stream = client.watch({ key: 'k', count: 0, intervalMs: 5 })[Symbol.asyncIterator]();
  await stream.next();
  const { previous } = route.swap(await startGeneration(2));
  expect(await under(1).run(() => client.get({ key: 'k' }))).toMatchObject({ servedBy: 'v1' });
  expect(await client.get({ key: 'k' })).toMatchObject({ servedBy: 'v2' });
  // Its root has ended: what is left of the work is nobody's descendant.
  await stream.return?.();
  await until(() => previous?.inFlight === 0, 'the old generation is idle');
  expect(await under(1).run(() => client.get({ key: 'k' }))).toMatchObject({ servedBy: 'v2' });
});

test('calls carry their lineage, and calls outside of any carry nothing', async () => {
  const seen: unknown[] = [];
  const route = newRoute();
  route.swap(
    await startGeneration(1, {
      get: (_request, { metadata }) => {
        seen.push(metadata.get(LINEAGE_KEY)[0]);
        return {};
      },
    }),
  );
  const client = createPromiseClient(KvDefinition, route.facade());
  await client.get({});
  await under(3, 'other').run(() => client.get({}, { metadata: { [LINEAGE_KEY]: 'of-the-caller=1' } }));
  await client.get({});
  expect(seen).toEqual([undefined, 'other=3', undefined]);
});

test('a call that is held carries its lineage when it goes', async () => {
  const seen: unknown[] = [];
  const route = newRoute({ holdLimitMs: 30_000 });
  route.swap(
    await startGeneration(1, {
      get: (_request, { metadata }) => {
        seen.push(metadata.get(LINEAGE_KEY)[0]);
        return {};
      },
    }),
  );
  const client = createPromiseClient(KvDefinition, route.facade());
  route.hold();
  const call = under(3, 'other').run(() => client.get({}));
  await until(() => route.heldCount === 1, 'the call is held');
  route.release();
  await call;
  expect(seen).toEqual(['other=3']);
});

test('a client that calls back keeps its lineage from one call to the next', async () => {
  const { stub } = await routed();
  const lineageAfter = (): Promise<string | undefined> =>
    new Promise((resolve) => {
      stub.get({ key: 'k' }, () => stub.get({ key: 'k' }, () => resolve(currentLineage()?.toString())));
    });
  const [inside, other, outside] = await Promise.all([
    under(1).run(lineageAfter),
    under(2, 'other').run(lineageAfter),
    lineageAfter(),
  ]);
  expect([inside, other, outside]).toEqual(['kv=1', 'other=2', undefined]);
});

test('a route that was closed takes no descendants of a generation that has ended', async () => {
  const { route, client } = await routed();
  route.close();
  expect(await rejection(under(1).run(() => client.get({})))).toMatchObject({ pluginCode: 'ROUTE_CLOSED' });
});
