import { connectivityState, Metadata, Server, status } from '@grpc/grpc-js';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { adaptService } from '@plugd/protocol/rpc/service';
import { DoorFacade, type DoorRoute } from '../../../host/src/remote/door-facade';
import type { Refusal } from '../../../host/src/routing/refusal';
import { createStub } from '../../../host/src/routing/stub';
import { failureOf } from '../admin/admin-place';
import { kvService } from '../rpc/local-kv';
import { cleanUp, connect, listen } from '../rpc/local-server';

afterEach(cleanUp);

interface Stand {
  readonly route: Pick<DoorRoute, 'plugin' | 'door' | 'running'> & { refusal: Refusal | undefined };
  readonly server: Server;
  /** Metadata of the calls that came. */
  readonly seen: Metadata[];
}

async function stand(over: Partial<ReturnType<typeof kvService>> = {}): Promise<Stand> {
  const seen: Metadata[] = [];
  const server = new Server();
  const base = kvService();
  const { definition, handlers } = adaptService(
    KvDefinition,
    {
      ...base,
      put: (request, call) => {
        seen.push(call.metadata);
        return base.put(request, call);
      },
      ...over,
    },
    { draining: new AbortController().signal },
  );
  server.addService(definition, handlers);
  const door = connect(await listen(server), { 'grpc.initial_reconnect_backoff_ms': 20 });
  return { route: { plugin: 'kv', door, running: new Set(), refusal: undefined }, server, seen };
}

test('a call says which plugin is to answer it, and leaves its caller’s metadata as it was', async () => {
  const { route, seen } = await stand();
  const metadata = new Metadata();
  metadata.set('mine', 'yours');
  await createPromiseClient(KvDefinition, new DoorFacade(route)).put({ key: 'k' }, { metadata });
  expect(seen[0]?.getMap()).toMatchObject({ mine: 'yours', 'plugd-plugin': 'kv' });
  expect(metadata.getMap()).toEqual({ mine: 'yours' });
});

test('closing a stub closes it alone', async () => {
  const { route } = await stand();
  const stub = createStub(KvClient, new DoorFacade(route));
  const other = createPromiseClient(KvDefinition, new DoorFacade(route));
  await new Promise<void>((resolve, reject) => {
    stub.waitForReady(Date.now() + 20_000, (error) => (error === undefined ? resolve() : reject(error)));
  });
  const channel = stub.getChannel();
  stub.close();
  expect(channel.getConnectivityState(true)).toBe(connectivityState.SHUTDOWN);
  expect(() => channel.watchConnectivityState(connectivityState.SHUTDOWN, Date.now(), () => {})).toThrow();
  expect(await failureOf(createPromiseClient(KvDefinition, channel).get({ key: 'k' }))).toMatchObject({
    code: status.UNAVAILABLE,
    pluginCode: 'CLIENT_CLOSED',
    executed: 'no',
  });
  expect(await other.get({ key: 'k' })).toMatchObject({ found: false });
});

test('what its route refuses is refused, of all four kinds', async () => {
  const { route } = await stand();
  const client = createPromiseClient(KvDefinition, new DoorFacade(route));
  route.refusal = { code: 'ROUTE_CLOSED', details: 'It was stopped' };
  const first = (answers: AsyncIterable<unknown>) => answers[Symbol.asyncIterator]().next();
  const refused = { code: status.UNAVAILABLE, pluginCode: 'ROUTE_CLOSED', executed: 'no' };
  expect(await failureOf(client.get({ key: 'k' }))).toMatchObject(refused);
  expect(await failureOf(client.load([{ key: 'k' }]))).toMatchObject(refused);
  expect(await failureOf(first(client.watch({ key: 'k', count: 1 })))).toMatchObject(refused);
  expect(await failureOf(first(client.chat([{ sequence: 1 }])))).toMatchObject(refused);
});

describe('of a daemon that goes', () => {
  test('a call in flight is lost with a code, and one that is begun later was not executed', async () => {
    let begun = () => {};
    const called = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { route, server } = await stand({
      get: () => {
        begun();
        return new Promise(() => {});
      },
    });
    const client = createPromiseClient(KvDefinition, new DoorFacade(route));
    const call = failureOf(client.get({ key: 'k' }));
    await called;
    server.forceShutdown();
    const lost = { code: status.UNAVAILABLE, pluginCode: 'DAEMON_UNREACHABLE' };
    expect(await call).toMatchObject({ ...lost, executed: 'maybe' });
    expect(await failureOf(client.get({ key: 'k' }))).toMatchObject({ ...lost, executed: 'no' });
  });

  test('what the caller has cancelled is the caller’s', async () => {
    const { route } = await stand({ get: () => new Promise(() => {}) });
    const client = createPromiseClient(KvDefinition, new DoorFacade(route));
    const own = failureOf(client.get({ key: 'k' }, { signal: AbortSignal.timeout(20) }));
    expect(await own).toMatchObject({ code: status.CANCELLED, pluginCode: undefined });
    const late = failureOf(client.get({ key: 'k' }, { timeoutMs: 20 }));
    expect(await late).toMatchObject({ code: status.DEADLINE_EXCEEDED, pluginCode: undefined });
  });
});
