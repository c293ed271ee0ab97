import { status } from '@grpc/grpc-js';
import { KvClient } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { CallMeters } from '../../../host/src/routing/call-meter';
import { createStub } from '../../../host/src/routing/stub';
import { until } from '../rpc/local-kv';
import { cleanUp } from '../rpc/local-server';
import { startGeneration } from './local-generation';
import { get, newRoute, routed } from './local-route';

afterEach(cleanUp);

interface Metered {
  readonly plugin: string;
  readonly path: string;
  readonly generation: number;
  readonly code: status;
  readonly elapsedMs: number;
  readonly waitedMs: number;
}

function metered(meters: CallMeters): { readonly calls: Metered[]; end(): void } {
  const calls: Metered[] = [];
  const end = meters.add((plugin, path, generation, code, elapsedMs, waitedMs) =>
    calls.push({ plugin, path, generation, code, elapsedMs, waitedMs }),
  );
  return { calls, end };
}

const path = '/samples.kv.v1.Kv/Get';

test('each call is told of once, when it has ended, with what its caller saw', async () => {
  const meters = new CallMeters();
  const { calls } = metered(meters);
  const { stub } = await routed({ meters });
  for (let i = 0; i < 3; i++) await get(stub);
  expect(calls).toHaveLength(3);
  for (const call of calls) {
    expect(call).toMatchObject({ plugin: 'kv', path, generation: 1, code: status.OK, waitedMs: 0 });
    expect(call.elapsedMs).toBeGreaterThan(0);
  }
});

test('a call that was held tells how long, as a part of its time', async () => {
  const meters = new CallMeters();
  const { calls } = metered(meters);
  const { route, stub } = await routed({ meters });
  route.hold();
  const call = get(stub);
  await until(() => route.heldCount === 1, 'it is held');
  await new Promise((resolve) => setTimeout(resolve, 20));
  route.release();
  await call;
  const [only] = calls;
  expect(only?.waitedMs).toBeGreaterThan(10);
  expect(only?.elapsedMs).toBeGreaterThan(only?.waitedMs ?? 0);
});

test('a call that went nowhere is told of as one of no generation', async () => {
  const meters = new CallMeters();
  const { calls } = metered(meters);
  const route = newRoute({ meters, holdLimitMs: 20 });
  const stub = createStub(KvClient, route.facade());
  await get(stub);
  route.swap(await startGeneration(1));
  route.hold();
  await get(stub);
  expect(calls.map(({ generation, code }) => [generation, code])).toEqual([
    [0, status.UNAVAILABLE],
    [0, status.UNAVAILABLE],
  ]);
  expect(calls[1]?.waitedMs).toBeGreaterThan(10);
});

test('who has ended hears no more, and without anybody calls are not timed', async () => {
  const meters = new CallMeters();
  const [first, second] = [metered(meters), metered(meters)];
  const { route, stub } = await routed({ meters });
  await get(stub);
  first.end();
  await get(stub);
  expect([first.calls.length, second.calls.length]).toEqual([1, 2]);
  second.end();
  expect(route.meter).toBeUndefined();
  await get(stub);
  expect(second.calls).toHaveLength(2);
});
