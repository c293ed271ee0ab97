import {
  type CallOptions,
  Client,
  credentials,
  InterceptingCall,
  type Interceptor,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { Plugin, PromiseClient } from '@plugd/host';
import {
  GetRequest,
  GetResponse,
  KvClient,
  KvDefinition,
  KvService,
  WatchRequest,
  WatchResponse,
} from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeClient } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { roomsAtOnce } from '../support/at-once';
import { killNow, servingPid } from '../support/host-room';
import { loadedKvClient } from '../support/loaded-kv';
import { describeWithGo } from '../support/needs-go';
import { poll } from '../support/poll';
import { chaosTs, kvGo, kvTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const typesAre = <_Same extends true>(): void => {};

const { atOnce, room } = roomsAtOnce();

interface Caller {
  get(
    request: { key: string },
    callback: (error: ServiceError | null, response: GetResponse) => void,
  ): unknown;
}

function get(stub: Caller, key = 'key'): Promise<GetResponse> {
  return new Promise((resolve, reject) =>
    stub.get({ key }, (error, response) => (error ? reject(error) : resolve(response))),
  );
}

/** The same call through a stub made by proto-loader, whose methods have no types. */
async function loadedStub(plugin: Plugin): Promise<Caller & Client> {
  const stub = plugin.stub(await loadedKvClient());
  const method = stub['get'];
  if (method === undefined) throw new Error('the stub has no method get');
  return Object.assign(stub, { get: method.bind(stub) as Caller['get'] });
}

/** As a library does that brings a client of its own: a bare one of grpc-js, on the plugin's channel. */
function bareStub(plugin: Plugin): Caller & Client {
  const client = new Client('unused', credentials.createInsecure(), { channelOverride: plugin.channel });
  return Object.assign(client, {
    get: ((request, callback) =>
      client.makeUnaryRequest(
        '/samples.kv.v1.Kv/Get',
        (value: GetRequest) => Buffer.from(GetRequest.encode(value).finish()),
        (bytes) => GetResponse.decode(bytes),
        request,
        (error, response) => callback(error, response ?? GetResponse.fromPartial({})),
      )) satisfies Caller['get'],
  });
}

function promiseCaller(plugin: Plugin): Caller {
  const client = plugin.client(KvDefinition);
  const nothing = GetResponse.fromPartial({});
  return {
    get: (request, callback) =>
      client.get(request).then(
        (answer) => callback(null, answer),
        (error) => callback(error, nothing),
      ),
  };
}

const v2 = { version: '2.0.0', command: kvTs('2') };

atOnce('a stub has the type of its class, a client that of its definition', async () => {
  const plugin = await room().load(kvTs('1'));
  const stub = plugin.stub(KvClient);
  typesAre<Same<typeof stub, KvClient>>();
  expect(stub).toBeInstanceOf(KvClient);
  const probe = plugin.stub(ProbeClient, { interceptors: [] });
  typesAre<Same<typeof probe, ProbeClient>>();
  const client = plugin.client(KvDefinition);
  typesAre<Same<typeof client, PromiseClient<KvDefinition>>>();
  const answer = await client.get({ key: 'k' });
  typesAre<Same<typeof answer, GetResponse>>();
  for await (const item of client.watch({ count: 1 })) typesAre<Same<typeof item, WatchResponse>>();
  const viaService = await plugin.client(KvService).get({ key: 'k' });
  typesAre<Same<typeof viaService, GetResponse>>();
  const loaded = plugin.stub(await loadedKvClient());
  expect(typeof loaded['get']).toBe('function');

  // Never called: only the compiler reads it.
  const _mistakes = () => {
    // @ts-expect-error a class that is no client
    plugin.stub(Map);
    // @ts-expect-error the contract has no such call
    stub.getAll({ key: 'k' });
    // @ts-expect-error the request has no such field
    void client.get({ name: 'k' });
    // @ts-expect-error a limit has a unit
    void client.get({ key: 'k' }, { timeout: 5 });
  };
});

function suite(sample: (version: '1' | '2') => string): void {
  atOnce(
    'stubs of every make stay valid through an upgrade and a restart, until the plugin stops',
    async () => {
      const plugin = await room().load(sample('1'));
      const stubs: Caller[] = [
        plugin.stub(KvClient),
        await loadedStub(plugin),
        bareStub(plugin),
        promiseCaller(plugin),
      ];
      const answers = () => Promise.all(stubs.map((stub) => get(stub)));
      const expected = (servedBy: string) => stubs.map(() => ({ servedBy, pid: servingPid(plugin) }));

      expect(await answers()).toMatchObject(expected('1.0.0'));
      await plugin.upgrade({ version: '2.0.0', command: sample('2') });
      expect(await answers()).toMatchObject(expected('2.0.0'));
      const before = servingPid(plugin);
      await plugin.restart();
      expect(servingPid(plugin)).not.toBe(before);
      expect(await answers()).toMatchObject(expected('2.0.0'));
      await plugin.stop();
      for (const stub of stubs) {
        await expect(get(stub)).rejects.toMatchObject({ code: status.UNAVAILABLE });
      }
    },
  );

  atOnce(
    'stubs are valid again after a crash and a restart; between them calls fail with the reason',
    async () => {
      const plugin = await room().load(sample('1'), { restart: { policy: 'never' } });
      const stub = plugin.stub(KvClient);
      const client = plugin.client(KvDefinition);
      await killNow(servingPid(plugin));
      await poll(
        () => plugin.status(),
        ({ state }) => state === 'failed',
      );
      await expect(client.get({ key: 'k' })).rejects.toMatchObject({
        code: status.UNAVAILABLE,
        pluginCode: 'PLUGIN_EXITED',
      });
      await expect(get(stub)).rejects.toMatchObject({ code: status.UNAVAILABLE });
      await plugin.restart();
      expect((await get(stub)).pid).toBe(servingPid(plugin));
      expect((await client.get({ key: 'k' })).pid).toBe(servingPid(plugin));
    },
  );
}

describe('a plugin in TS', () => suite(kvTs));
describeWithGo('a plugin in Go', () => suite(kvGo));

describe('closing a stub', () => {
  atOnce('ends that one alone', async () => {
    const plugin = await room().load(kvTs('1'));
    const [one, two] = [plugin.stub(KvClient), plugin.stub(KvClient)];
    const [loaded, client] = [await loadedStub(plugin), plugin.client(KvDefinition)];
    const running = get(one);
    one.close();
    await expect(running).resolves.toMatchObject({ servedBy: '1.0.0' });
    await expect(get(one)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    loaded.close();
    await expect(get(loaded)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(await get(two)).toMatchObject({ servedBy: '1.0.0' });
    expect(await client.get({ key: 'k' })).toMatchObject({ servedBy: '1.0.0' });
    expect(await get(plugin.stub(KvClient))).toMatchObject({ servedBy: '1.0.0' });
  });

  atOnce('on the shared channel ends those who share it, and no stub or client', async () => {
    const plugin = await room().load(kvTs('1'));
    const [one, two] = [bareStub(plugin), bareStub(plugin)];
    const [stub, client] = [plugin.stub(KvClient), plugin.client(KvDefinition)];
    expect(plugin.channel).toBe(plugin.channel);
    expect(await get(one)).toMatchObject({ servedBy: '1.0.0' });
    one.close();
    await expect(get(two)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(await get(stub)).toMatchObject({ servedBy: '1.0.0' });
    expect(await client.get({ key: 'k' })).toMatchObject({ servedBy: '1.0.0' });
  });
});

describe('options of a stub', () => {
  atOnce('interceptors see every call, also after an upgrade, and may add to it', async () => {
    const plugin = await room().load(kvTs('1'));
    const seen: string[] = [];
    const add: Interceptor = (options, next) => {
      seen.push(options.method_definition.path);
      return new InterceptingCall(next(options), {
        start(metadata, listener, go) {
          metadata.set('x-added', 'by the interceptor');
          go(metadata, listener);
        },
      });
    };
    const probe = plugin.stub(ProbeClient, { interceptors: [add] });
    const inspect = (options: Partial<CallOptions> = {}) =>
      new Promise<Record<string, string>>((resolve, reject) =>
        probe.inspect({ environment: [] }, new Metadata(), options, (error, response) =>
          error ? reject(error) : resolve(response.metadata),
        ),
      );
    expect(await inspect()).toMatchObject({ 'x-added': 'by the interceptor' });
    await plugin.upgrade(v2);
    expect(await inspect()).toMatchObject({ 'x-added': 'by the interceptor' });
    // grpc-js's rule: those given with a call take the place of the stub's.
    expect(await inspect({ interceptors: [] })).toMatchObject({ 'x-added': 'by the interceptor' });
    expect(
      await inspect({ interceptors: [(options, next) => new InterceptingCall(next(options))] }),
    ).not.toHaveProperty('x-added');
    expect(seen).toEqual(Array(3).fill('/samples.probe.v1.Probe/Inspect'));
  });

  atOnce('both kinds of interceptors at once are refused', async () => {
    const plugin = await room().load(kvTs('1'));
    const through: Interceptor = (options, next) => new InterceptingCall(next(options));
    expect(() =>
      plugin.stub(KvClient, { interceptors: [through], interceptor_providers: [() => through] }),
    ).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }));
  });
});

atOnce('the channel carries streams of a bare client too', async () => {
  const plugin = await room().load(kvTs('1'));
  const client = new Client('unused', credentials.createInsecure(), { channelOverride: plugin.channel });
  const stream = client.makeServerStreamRequest(
    '/samples.kv.v1.Kv/Watch',
    (value: WatchRequest) => Buffer.from(WatchRequest.encode(value).finish()),
    (bytes) => WatchResponse.decode(bytes),
    { key: 'k', count: 5, intervalMs: 0 },
  );
  const sequences: number[] = [];
  for await (const item of stream) sequences.push(item.sequence);
  expect(sequences).toEqual([1, 2, 3, 4, 5]);
});

atOnce('a plugin that crashes in a call ends it with UNAVAILABLE, whichever stub made it', async () => {
  const plugin = await room().load(chaosTs(), { env: { CHAOS: 'crash-on-call' } });
  const [typed, loaded, client] = [plugin.stub(KvClient), await loadedStub(plugin), promiseCaller(plugin)];
  const ends = await Promise.allSettled([typed, loaded, client].map((stub) => get(stub)));
  for (const end of ends)
    expect(end).toMatchObject({ status: 'rejected', reason: { code: status.UNAVAILABLE } });
});
