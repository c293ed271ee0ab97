import {
  connectivityState,
  credentials,
  InterceptingCall,
  type Interceptor,
  Metadata,
  status,
} from '@grpc/grpc-js';
import { KvClient } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createStub } from '../../../host/src/routing/stub';
import { loadedKvClient } from '../../support/loaded-kv';
import { collect, until } from '../rpc/local-kv';
import { cleanUp } from '../rpc/local-server';
import { failure, pluginCode, startGeneration, streamFailure, waitForReady } from './local-generation';
import { get, newRoute, routed } from './local-route';

afterEach(cleanUp);

describe('stubs', () => {
  test('are typed by their class, from ts-proto and from proto-loader alike', async () => {
    const { route } = await routed();
    const typed: KvClient = createStub(KvClient, route.facade());
    const Loaded = await loadedKvClient();
    const loaded = createStub(Loaded, route.facade());
    expect(await get(typed)).toMatchObject({ response: { servedBy: 'v1' } });
    const answer = await new Promise((resolve, reject) => {
      loaded['get']?.({ key: 'x' }, (error: unknown, response: unknown) =>
        error ? reject(error) : resolve(response),
      );
    });
    expect(answer).toMatchObject({ servedBy: 'v1' });
    // @ts-expect-error message sizes are the connection's matter
    createStub(KvClient, route.facade(), { 'grpc.max_receive_message_length': 1 });
    // @ts-expect-error a class that is no client
    expect(() => createStub(Map, route.facade())).toThrow();
  });

  test('take interceptors of one kind only', async () => {
    const { route } = await routed();
    const through: Interceptor = (options, next) => new InterceptingCall(next(options));
    const both = { interceptors: [through], interceptor_providers: [() => through] };
    expect(() => createStub(KvClient, route.facade(), both)).toThrow(
      expect.objectContaining({ code: 'OPTIONS_INVALID' }),
    );
    const provided = createStub(KvClient, route.facade(), { interceptor_providers: [() => through] });
    expect(await get(provided)).toMatchObject({ ok: true });
  });

  test('pass interceptors, metadata, call credentials and deadlines on', async () => {
    const route = newRoute();
    let seen: Metadata | undefined;
    let deadline: Date | undefined;
    route.swap(
      await startGeneration(1, {
        async get(_, call) {
          seen = call.metadata;
          deadline = call.deadline;
          return {};
        },
      }),
    );
    const stamp: Interceptor = (options, next) =>
      new InterceptingCall(next(options), {
        start: (metadata, listener, proceed) => {
          metadata.set('x-interceptor', 'i');
          proceed(metadata, listener);
        },
      });
    const stub = createStub(KvClient, route.facade(), { interceptors: [stamp] });
    const metadata = new Metadata();
    metadata.set('x-caller', 'c');
    const callCredentials = credentials.createFromMetadataGenerator((_, callback) => {
      const generated = new Metadata();
      generated.set('x-token', 't');
      callback(null, generated);
    });
    const due = Date.now() + 60_000;
    expect(await get(stub, metadata, { deadline: due, credentials: callCredentials })).toMatchObject({
      ok: true,
    });
    expect(seen?.getMap()).toMatchObject({ 'x-interceptor': 'i', 'x-caller': 'c', 'x-token': 't' });
    expect(Math.abs((deadline?.getTime() ?? 0) - due)).toBeLessThan(5_000);
  });

  test('see a deadline pass, and their own cancellation', async () => {
    const { stub } = await routed();
    const endless = { key: '', count: 0, intervalMs: 5 };
    const late = stub.watch(endless, new Metadata(), { deadline: Date.now() + 50 });
    late.resume();
    expect(await streamFailure(late)).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    const left = stub.watch(endless);
    left.once('data', () => left.cancel());
    expect(await streamFailure(left)).toMatchObject({ code: status.CANCELLED });
  });

  test('close alone: others go on, and so do the calls that run', async () => {
    const { route, stub, client } = await routed();
    const running = collect(stub.watch({ key: '', count: 20, intervalMs: 2 }));
    await until(() => route.current?.inFlight === 1, 'the stream runs');
    stub.close();
    expect(stub.getChannel().getConnectivityState(true)).toBe(connectivityState.SHUTDOWN);
    const error = await failure(get(stub));
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(pluginCode(error.metadata)).toBe('CLIENT_CLOSED');
    expect(await waitForReady(stub, 1000)).toBeInstanceOf(Error);
    await expect(client.get({})).resolves.toMatchObject({ servedBy: 'v1' });
    expect(await running).toHaveLength(20);
    stub.close();
  });

  test('that close take their held calls with them, and nobody else', async () => {
    const { route, stub, client } = await routed();
    route.hold();
    const own = get(stub);
    const other = client.get({});
    await until(() => route.heldCount === 2, 'both are held');
    stub.close();
    expect(pluginCode((await failure(own)).metadata)).toBe('CLIENT_CLOSED');
    expect(route.heldCount).toBe(1);
    route.release();
    await expect(other).resolves.toMatchObject({ servedBy: 'v1' });
  });

  test('tell where their calls go', async () => {
    const { route, stub } = await routed();
    const target = route.underlying?.getTarget() ?? '';
    expect(stub.getChannel().getTarget()).toBe(target);
    expect(stub.getChannel().getChannelzRef()).toBe(route.underlying?.getChannelzRef());
    const call = stub.watch({ key: '', count: 1, intervalMs: 0 });
    await collect(call);
    expect(call.getPeer()).toBe(target.replace('unix:', ''));
    expect(call.getAuthContext()).toEqual({});
    route.down({ code: 'PLUGIN_EXITED', details: 'gone' });
    expect(stub.getChannel().getTarget()).toBe('plugin:kv');
    expect(stub.getChannel().getChannelzRef()).toBeDefined();
    expect(() => newRoute().getChannelzRef()).toThrow(expect.objectContaining({ code: 'ROUTE_EMPTY' }));
  });
});
