import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import { type GetResponse, KvClient } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createStub } from '../../../host/src/routing/stub';
import { collect, rejection, until } from '../rpc/local-kv';
import { cleanUp } from '../rpc/local-server';
import { failure, outcome, pluginCode, startGeneration, streamFailure } from './local-generation';
import { get, newRoute, routed, waiting } from './local-route';

afterEach(cleanUp);

describe('a hold', () => {
  test('makes calls of each kind wait, and lets them go whole and in their order', async () => {
    const { route, client } = await routed();
    route.hold();
    const order: string[] = [];
    const next = await startGeneration(2, {
      async get({ key }) {
        order.push(key);
        return { servedBy: 'v2' };
      },
    });
    async function* requests() {
      for (let sequence = 0; sequence < 50; sequence++) yield { key: `${sequence}`, text: 'a', sequence };
    }
    const gets = Promise.all(['a', 'b', 'c', 'd'].map((key) => client.get({ key })));
    const watched = collect(client.watch({ count: 10 }));
    const loaded = client.load(requests());
    const chatted = collect(client.chat(requests()));
    await until(() => route.heldCount === 7, 'all are held');
    await sleep(20);
    expect(order).toEqual([]);
    const { generation } = route.swap(next);
    expect(route.heldCount).toBe(7);
    route.release();
    expect(route.heldCount).toBe(0);
    expect((await gets).map(({ servedBy }) => servedBy)).toEqual(['v2', 'v2', 'v2', 'v2']);
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    expect(await watched).toHaveLength(10);
    expect(await loaded).toMatchObject({ stored: 50, servedBy: 'v2' });
    expect((await chatted).map(({ sequence }) => sequence)).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(generation.statistics.started).toBe(7);
    expect(generation.statistics.longestWaitMs).toBeGreaterThan(15);
  });

  test('adds up with others, and without a swap calls go where they would have gone', async () => {
    const { route, client } = await routed();
    route.release();
    route.hold();
    route.hold();
    const call = client.get({});
    await until(() => route.heldCount === 1, 'it is held');
    route.release();
    await sleep(10);
    expect(route.heldCount).toBe(1);
    route.release();
    await expect(call).resolves.toMatchObject({ servedBy: 'v1' });
  });

  test('keeps the metadata as they were, and the credentials', async () => {
    const route = newRoute();
    const seen: unknown[] = [];
    route.swap(
      await startGeneration(1, {
        async get(_, call) {
          seen.push(call.metadata.get('x-a'), call.metadata.get('x-token'));
          return {};
        },
      }),
    );
    route.hold();
    const stub = createStub(KvClient, route.facade());
    const metadata = new Metadata();
    metadata.set('x-a', 'as it was');
    const callCredentials = credentials.createFromMetadataGenerator((_, callback) => {
      const generated = new Metadata();
      generated.set('x-token', 't');
      callback(null, generated);
    });
    const call = get(stub, metadata, { credentials: callCredentials });
    await until(() => route.heldCount === 1, 'it is held');
    metadata.set('x-a', 'changed');
    route.release();
    expect(await call).toMatchObject({ ok: true });
    expect(seen).toEqual([['as it was'], ['t']]);
  });

  test('refuses more than its number', async () => {
    const { route, stub } = await routed({ maxHeld: 2 });
    route.hold();
    const held = [get(stub), get(stub)];
    await until(() => route.heldCount === 2, 'both are held');
    const error = await failure(get(stub));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(pluginCode(error.metadata)).toBe('HELD_TOO_MANY');
    route.release();
    for (const call of held) expect(await call).toMatchObject({ ok: true });
  });

  test('ends for a call at its limit in time', async () => {
    const { route, stub } = await routed({ holdLimitMs: 30 });
    route.hold();
    const error = await failure(get(stub));
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(pluginCode(error.metadata)).toBe('HELD_TOO_LONG');
    expect(route.heldCount).toBe(0);
    route.release();
    expect(await get(stub)).toMatchObject({ ok: true });
  });

  test('ends for a call at its deadline, which then counts from its start', async () => {
    const { route, stub } = await routed();
    route.hold();
    const late = await failure(get(stub, new Metadata(), { deadline: new Date(Date.now() + 30) }));
    expect(late.code).toBe(status.DEADLINE_EXCEEDED);
    const stream = stub.watch({ key: '', count: 0, intervalMs: 5 }, new Metadata(), {
      deadline: Date.now() + 150,
    });
    stream.resume();
    const error = streamFailure(stream);
    await sleep(50);
    route.release();
    expect(await error).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  test('ends for a call that its caller cancels, in each kind of client', async () => {
    const { route, stub, client } = await routed();
    route.hold();
    const callback = outcome<GetResponse>((done) => {
      const call = stub.get({ key: '' }, done);
      setTimeout(() => call.cancel(), 10);
    });
    const leave = new AbortController();
    const promise = rejection(client.get({}, { signal: leave.signal }));
    const stream = client.watch({})[Symbol.asyncIterator]();
    const first = stream.next();
    await until(() => route.heldCount === 3, 'all are held');
    leave.abort();
    await stream.return?.();
    expect(await first).toEqual({ done: true, value: undefined });
    expect(await failure(callback)).toMatchObject({ code: status.CANCELLED });
    expect(await promise).toMatchObject({ code: status.CANCELLED });
    expect(route.heldCount).toBe(0);
    route.release();
    await expect(client.get({})).resolves.toMatchObject({ servedBy: 'v1' });
    expect(route.current?.statistics.started).toBe(1);
  });

  test('that ends where the route is down fails its calls, except those that wait for ready', async () => {
    const { route, stub } = await routed();
    route.hold();
    const plain = get(stub);
    const patient = get(stub, waiting());
    await until(() => route.heldCount === 2, 'both are held');
    route.down({ code: 'PLUGIN_EXITED', details: 'gone' });
    await sleep(10);
    expect(route.heldCount).toBe(2);
    route.release();
    expect(pluginCode((await failure(plain)).metadata)).toBe('PLUGIN_EXITED');
    expect(route.heldCount).toBe(1);
    route.swap(await startGeneration(2));
    expect(await patient).toMatchObject({ response: { servedBy: 'v2' } });
  });
});
