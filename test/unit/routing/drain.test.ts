import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { RpcError } from '@plugd/protocol/rpc/rpc-error';
import { collect, rejection, until } from '../rpc/local-kv';
import { cleanUp } from '../rpc/local-server';
import { pluginCode, startGeneration, streamFailure } from './local-generation';
import { newRoute, routed } from './local-route';

afterEach(cleanUp);

describe('a drain', () => {
  test('waits for the calls that run, and counts them', async () => {
    const { route, generation, client } = await routed();
    const streams = [1, 2, 3].map(() => collect(client.watch({ count: 20, intervalMs: 3 })));
    await until(() => generation.inFlight === 3, 'the streams run');
    route.swap(await startGeneration(2));
    const result = await generation.drain(10_000);
    expect(result).toMatchObject({ drained: 3, cut: 0 });
    expect(result.elapsedMs).toBeGreaterThan(10);
    expect(generation.inFlight).toBe(0);
    for (const stream of streams) expect(await stream).toHaveLength(20);
    expect(await generation.drain(0)).toMatchObject({ drained: 0, cut: 0 });
  });

  test('cuts at its limit what has no end, each kind of call, and says why in a trailer', async () => {
    const route = newRoute();
    const hang = () => new Promise<never>(() => {});
    const first = await startGeneration(1, { get: hang, load: hang });
    const { generation } = route.swap(first);
    const client = createPromiseClient(KvDefinition, route.facade());
    async function* endless() {
      for (;;) {
        yield {};
        await sleep(5);
      }
    }
    const calls = [
      client.get({}),
      collect(client.watch({ intervalMs: 5 })),
      client.load(endless()),
      collect(client.chat(endless())),
    ].map(rejection);
    await until(() => generation.inFlight === 4, 'all calls run');
    route.swap(await startGeneration(2));
    const result = await generation.drain(60);
    expect(result).toMatchObject({ drained: 0, cut: 4 });
    expect(result.elapsedMs).toBeLessThan(3_000);
    for (const error of await Promise.all(calls)) {
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({ code: status.UNAVAILABLE, pluginCode: 'DRAIN_TIMEOUT' });
    }
    expect(generation.statistics).toMatchObject({ started: 4, ended: 4, cut: 4, lost: 0 });
    await expect(client.get({})).resolves.toMatchObject({ servedBy: 'v2' });
  });

  test('of a callback-style stream ends it with the same status and trailer', async () => {
    const { route, generation, stub } = await routed();
    const stream = stub.watch({ key: '', count: 0, intervalMs: 2 });
    await new Promise((resolve) => stream.once('data', resolve));
    stream.resume();
    const error = streamFailure(stream);
    route.swap(await startGeneration(2));
    expect(await generation.drain(0)).toMatchObject({ cut: 1 });
    expect(await error).toMatchObject({ code: status.UNAVAILABLE });
    expect(pluginCode((await error).metadata)).toBe('DRAIN_TIMEOUT');
  });

  test('may be cut short with another reason', async () => {
    const { generation, client } = await routed();
    const stream = rejection(collect(client.watch({ intervalMs: 5 })));
    await until(() => generation.inFlight === 1, 'the stream runs');
    const drained = generation.drain(Number.POSITIVE_INFINITY);
    generation.cut({ code: 'PLUGIN_STOPPED', details: 'the host closes' });
    expect(await stream).toMatchObject({ pluginCode: 'PLUGIN_STOPPED', details: 'the host closes' });
    expect(await drained).toMatchObject({ drained: 0, cut: 1 });
  });

  test('counts apart the calls that a dying process ends', async () => {
    const route = newRoute();
    const first = await startGeneration(1);
    const { generation } = route.swap(first);
    const client = createPromiseClient(KvDefinition, route.facade());
    const stream = rejection(collect(client.watch({ intervalMs: 5 })));
    await until(() => generation.inFlight === 1, 'the stream runs');
    await sleep(20);
    first.server.forceShutdown();
    await stream;
    expect(await generation.drain(1000)).toMatchObject({ cut: 0 });
    expect(generation.statistics).toMatchObject({ started: 1, ended: 1, cut: 0 });
  });
});
