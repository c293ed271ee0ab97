import { Metadata, status } from '@grpc/grpc-js';
import { KvClient } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { CallMeters } from '../../../host/src/routing/call-meter';
import { Endpoint, type RunningCall } from '../../../host/src/routing/endpoint';
import { Generation } from '../../../host/src/routing/generation';
import { createStub } from '../../../host/src/routing/stub';
import { cleanUp } from '../rpc/local-server';
import { FakeChannel, Heard, retryRule } from './fake-channel';
import { startGeneration } from './local-generation';
import { get, newRoute, routed } from './local-route';

afterEach(cleanUp);

// Whoever listens on the path of calls: whatever it does, a call ends for its caller, and where it was.

const noText = Object.create(null) as unknown;

/** A generation whose observers' failures are kept, with one endpoint in a route. */
async function watched() {
  const failures: unknown[] = [];
  const generation = new Generation(1, (error) => failures.push(error));
  const { channel } = await startGeneration(1);
  generation.add(new Endpoint(1, channel));
  const route = newRoute();
  route.swap(generation);
  return { failures, generation, stub: createStub(KvClient, route.facade()) };
}

test('an observer that throws is told of once, and the call ends for its caller and for who else hears of it', async () => {
  const { failures, generation, stub } = await watched();
  const heard: status[] = [];
  const thrown = new Error('the observer is broken');
  let asked = 0;
  generation.observe(() => {
    asked++;
    throw asked === 1 ? thrown : noText;
  });
  generation.observe((_, code) => heard.push(code));
  for (let i = 0; i < 3; i++) expect(await get(stub)).toMatchObject({ ok: true });
  expect({ asked, heard }).toEqual({ asked: 3, heard: [status.OK, status.OK, status.OK] });
  expect(failures).toEqual([thrown]);
  expect(generation.inFlight).toBe(0);
  expect(await generation.drain(10_000)).toMatchObject({ cut: 0 });
});

test('an observer whose promise is rejected is told of once', async () => {
  const { failures, generation, stub } = await watched();
  generation.observe(async () => {
    throw new Error('later');
  });
  for (let i = 0; i < 2; i++) expect(await get(stub)).toMatchObject({ ok: true });
  expect(failures).toEqual([new Error('later')]);
});

test('one that is added twice hears twice, and who ends once ends one', async () => {
  const { generation, stub } = await watched();
  let heard = 0;
  const observer = () => {
    heard++;
  };
  const end = generation.observe(observer);
  generation.observe(observer);
  await get(stub);
  end();
  await get(stub);
  expect(heard).toBe(3);
});

test('a meter that throws is told of once, and calls end that went somewhere and that went nowhere', async () => {
  const failures: unknown[] = [];
  const meters = new CallMeters((error, plugin) => failures.push([plugin, error]));
  const thrown = new Error('the meter is broken');
  meters.add(() => {
    throw thrown;
  });
  const heard: number[] = [];
  meters.add((_plugin, _path, generation) => heard.push(generation));
  const { generation, route, stub } = await routed({ meters });
  expect(await get(stub)).toMatchObject({ ok: true });
  route.down({ code: 'ROUTE_EMPTY', details: 'nobody is there' });
  expect(await get(stub)).toMatchObject({ ok: false });
  expect({ heard, failures }).toEqual({ heard: [1, 0], failures: [['kv', thrown]] });
  expect(generation.inFlight).toBe(0);
});

test('a caller that throws where it is given an answer is told its status all the same', () => {
  const channel = new FakeChannel();
  const generation = new Generation(1);
  generation.add(new Endpoint(1, channel));
  const route = newRoute({ retry: retryRule });
  route.swap(generation);
  const heard = new (class extends Heard {
    override onReceiveMetadata(): void {
      throw new Error('the caller is broken');
    }
  })();
  const call = route.facade().createCall('/kv/Get', Number.POSITIVE_INFINITY, null, null, null);
  call.start(new Metadata(), heard);
  const [inner] = channel.calls;
  inner?.headers().message('the answer');
  expect(() => inner?.end()).toThrow('the caller is broken');
  expect(heard.messages).toEqual(['the answer']);
  expect(heard.outcome[0]).toBe(status.OK);
  expect(generation.inFlight).toBe(0);
});

test('a drain waits for no call that does not end when it is cut', async () => {
  jest.useFakeTimers();
  try {
    const endpoint = new Endpoint(1, new FakeChannel());
    const cuts: string[] = [];
    const stuck: RunningCall = { path: '/kv/Get', cut: ({ details }) => cuts.push(details) };
    const other: RunningCall = { path: '/kv/Get', cut: () => endpoint.leave(other, 'cut') };
    endpoint.enter(stuck, 0);
    endpoint.enter(other, 0);
    let drained: unknown;
    void endpoint.drain(50).then((result) => {
      drained = result;
    });
    await jest.advanceTimersByTimeAsync(50);
    expect(cuts).toHaveLength(1);
    expect([endpoint.inFlight, drained]).toEqual([1, undefined]);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(drained).toMatchObject({ drained: 0, cut: 2 });
    // Should it end after all, it has been counted.
    endpoint.leave(stuck, 'ended');
    expect(endpoint.statistics).toMatchObject({ started: 2, ended: 2, cut: 2 });
  } finally {
    jest.useRealTimers();
  }
});

test('a drain that cuts leaves no timer behind when all has ended', async () => {
  jest.useFakeTimers();
  try {
    const endpoint = new Endpoint(1, new FakeChannel());
    const call: RunningCall = { path: '/kv/Get', cut: () => setImmediate(() => endpoint.leave(call, 'cut')) };
    endpoint.enter(call, 0);
    const drained = endpoint.drain(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(await drained).toMatchObject({ cut: 1 });
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});
