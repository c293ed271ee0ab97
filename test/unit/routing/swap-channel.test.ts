import { setTimeout as sleep } from 'node:timers/promises';
import { connectivityState, InterceptingCall, type Interceptor, status } from '@grpc/grpc-js';
import { KvClient } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createStub } from '../../../host/src/routing/stub';
import { collect, rejection, until } from '../rpc/local-kv';
import { cleanUp } from '../rpc/local-server';
import { failure, pluginCode, startGeneration, waitForReady } from './local-generation';
import { get, newRoute, routed, waiting } from './local-route';

afterEach(cleanUp);

describe('a swap', () => {
  test('sends calls that start after it to the new generation, through stubs made before', async () => {
    const { route, stub, client } = await routed();
    await expect(client.get({})).resolves.toMatchObject({ servedBy: 'v1' });
    const { generation, previous } = route.swap(await startGeneration(2));
    expect([previous?.number, generation.number, route.current?.number]).toEqual([1, 2, 2]);
    expect(await get(stub)).toMatchObject({ ok: true, response: { servedBy: 'v2' } });
    await expect(client.get({})).resolves.toMatchObject({ servedBy: 'v2' });
  });

  test('leaves a running stream with the generation that it began on', async () => {
    const { route, client } = await routed();
    const stream = client.watch({ count: 30, intervalMs: 2 })[Symbol.asyncIterator]();
    await stream.next();
    route.swap(await startGeneration(2));
    const rest = await collect({ [Symbol.asyncIterator]: () => stream });
    expect(rest.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 29 }, (_, n) => n + 2));
    expect(new Set(rest.map(({ servedBy }) => servedBy))).toEqual(new Set(['v1']));
  });

  test('takes calls along that were made before it and start after it', async () => {
    const { route } = await routed();
    let start = (): void => {};
    const late: Interceptor = (options, next) =>
      new InterceptingCall(next(options), {
        start: (metadata, listener, proceed) => {
          start = () => proceed(metadata, listener);
        },
      });
    const stub = createStub(KvClient, route.facade(), { interceptors: [late] });
    const call = get(stub);
    const stream = stub.watch({ key: '', count: 3, intervalMs: 0 });
    const messages = collect<{ servedBy: string }>(stream);
    const startStream = start;
    const second = get(stub);
    route.swap(await startGeneration(2));
    start();
    startStream();
    expect(await second).toMatchObject({ response: { servedBy: 'v2' } });
    expect((await messages).map(({ servedBy }) => servedBy)).toEqual(['v2', 'v2', 'v2']);
    stub.close();
    void call; // its start was dropped, as an interceptor may do
  });

  test('can go back to a generation that was in the route before', async () => {
    const { route, client, generation } = await routed();
    await client.get({});
    route.swap(await startGeneration(2));
    await client.get({});
    expect(route.swap(generation).generation).toBe(generation);
    await expect(client.get({})).resolves.toMatchObject({ servedBy: 'v1' });
    expect(generation.statistics).toMatchObject({ started: 2, ended: 2 });
  });

  test('to a channel that has been closed fails its calls instead of throwing', async () => {
    const { route, stub } = await routed();
    const { channel } = await startGeneration(2);
    route.swap({ number: 2, channel });
    channel.close();
    expect(await failure(get(stub))).toMatchObject({ code: status.UNAVAILABLE });
    expect(stub.getChannel().getConnectivityState(false)).toBe(connectivityState.TRANSIENT_FAILURE);
  });
});

describe('a route that is down', () => {
  test('fails calls at once with the code of the reason, and sends them on after a swap', async () => {
    const { route, stub, client } = await routed();
    route.down({ code: 'PLUGIN_EXITED', details: 'kv exited with code 3' });
    expect(route.current).toBeUndefined();
    const error = await failure(get(stub));
    expect(error).toMatchObject({ code: status.UNAVAILABLE, details: 'kv exited with code 3' });
    expect(pluginCode(error.metadata)).toBe('PLUGIN_EXITED');
    expect(await rejection(collect(client.watch({})))).toMatchObject({ pluginCode: 'PLUGIN_EXITED' });
    route.swap(await startGeneration(2));
    await expect(client.get({})).resolves.toMatchObject({ servedBy: 'v2' });
  });

  test('lets those wait who asked to, beyond the limit of a hold', async () => {
    const { route, stub, client } = await routed({ holdLimitMs: 20 });
    route.down({ code: 'PLUGIN_EXITED', details: 'gone' });
    const calls = [get(stub, waiting()), client.get({}, { metadata: waiting() })];
    await sleep(80);
    expect(route.heldCount).toBe(2);
    const { generation } = route.swap(await startGeneration(2));
    expect(await calls[0]).toMatchObject({ ok: true, response: { servedBy: 'v2' } });
    expect(await calls[1]).toMatchObject({ servedBy: 'v2' });
    expect(route.heldCount).toBe(0);
    expect(generation.statistics.longestWaitMs).toBeGreaterThan(50);
  });

  test('ends the wait at the deadline', async () => {
    const { route, stub } = await routed();
    route.down({ code: 'PLUGIN_EXITED', details: 'gone' });
    const error = await failure(get(stub, waiting(), { deadline: Date.now() + 40 }));
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    expect(route.heldCount).toBe(0);
  });

  test('is what a route is before its first swap', async () => {
    const route = newRoute();
    const stub = createStub(KvClient, route.facade());
    expect(pluginCode((await failure(get(stub))).metadata)).toBe('ROUTE_EMPTY');
    const early = get(stub, waiting());
    route.swap(await startGeneration(1));
    expect(await early).toMatchObject({ ok: true });
  });
});

describe('a closed route', () => {
  test('refuses what is new and what waits, and leaves what runs alone', async () => {
    const { route, stub, client } = await routed();
    const running = collect(client.watch({ count: 20, intervalMs: 2 }));
    await until(() => route.current?.inFlight === 1, 'the stream runs');
    route.hold();
    const held = [get(stub), get(stub, waiting())];
    await until(() => route.heldCount === 2, 'both are held');
    route.close();
    for (const call of held) expect(pluginCode((await failure(call)).metadata)).toBe('ROUTE_CLOSED');
    expect(pluginCode((await failure(get(stub))).metadata)).toBe('ROUTE_CLOSED');
    expect(await rejection(client.get({}))).toMatchObject({ pluginCode: 'ROUTE_CLOSED' });
    route.release();
    expect(await running).toHaveLength(20);
    expect(stub.getChannel().getConnectivityState(false)).toBe(connectivityState.SHUTDOWN);
    const { channel } = await startGeneration(2);
    expect(() => route.swap({ number: 2, channel })).toThrow(
      expect.objectContaining({ code: 'ROUTE_CLOSED' }),
    );
    route.close();
  });

  test('fails a call that was made before and starts after', async () => {
    const { route } = await routed();
    let start = (): void => {};
    const late: Interceptor = (options, next) =>
      new InterceptingCall(next(options), {
        start: (metadata, listener, proceed) => {
          start = () => proceed(metadata, listener);
        },
      });
    const stub = createStub(KvClient, route.facade(), { interceptors: [late] });
    const call = get(stub);
    route.close({ code: 'HOST_CLOSED', details: 'the host is closed' });
    start();
    const error = await failure(call);
    expect(error.details).toBe('the host is closed');
    expect(pluginCode(error.metadata)).toBe('HOST_CLOSED');
  });
});

describe('connectivity', () => {
  test('a stub that waits for ready hears of the next generation', async () => {
    const route = newRoute();
    const stub = createStub(KvClient, route.facade());
    const readiness = waitForReady(stub, 10_000);
    await sleep(30);
    route.swap(await startGeneration(1));
    expect(await readiness).toBeUndefined();
    route.down({ code: 'PLUGIN_EXITED', details: 'gone' });
    expect(await waitForReady(stub, 30)).toBeInstanceOf(Error);
    const again = waitForReady(stub, 10_000);
    await sleep(30);
    route.swap(await startGeneration(2));
    expect(await again).toBeUndefined();
  });

  test('a watch ends when the state differs, and not at a swap between ready generations', async () => {
    const { route } = await routed();
    const channel = route.facade();
    const heard: unknown[] = [];
    channel.watchConnectivityState(connectivityState.READY, Number.POSITIVE_INFINITY, (error) =>
      heard.push(error ?? 'changed'),
    );
    const second = await startGeneration(2);
    route.swap(second);
    await sleep(20);
    expect(heard).toEqual([]);
    second.channel.close();
    await until(() => heard.length === 1, 'the watch ends');
    expect(heard).toEqual(['changed']);
    expect(route.watches.size).toBe(0);
  });

  test('a watch ends at its deadline, and with its channel', async () => {
    const { route } = await routed();
    const channel = route.facade();
    const heard: unknown[] = [];
    const hear = (error?: Error) => heard.push(error ?? 'changed');
    channel.watchConnectivityState(connectivityState.READY, Date.now() + 20, hear);
    channel.watchConnectivityState(connectivityState.READY, new Date(0), hear);
    await until(() => heard.length === 2, 'the deadlines pass');
    expect(heard).toEqual([expect.any(Error), expect.any(Error)]);
    channel.watchConnectivityState(connectivityState.READY, Date.now() + 60_000, hear);
    channel.close();
    await until(() => heard.length === 3, 'the channel is closed');
    expect(heard[2]).toBe('changed');
    expect(() => channel.watchConnectivityState(connectivityState.READY, 0, hear)).toThrow();
    expect(route.watches.size).toBe(0);
  });
});
