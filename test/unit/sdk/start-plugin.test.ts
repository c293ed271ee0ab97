import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { KvClient, KvDefinition, KvService } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { definePlugin, type PluginContext, type PluginDefinition, RpcError } from '@plugd/sdk';
import { startPlugin, type TestPlugin } from '@plugd/sdk/testing';

const running: TestPlugin[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((plugin) => plugin.stop()));
});

async function start(
  setup: PluginDefinition['setup'],
  options: Parameters<typeof startPlugin>[1] = {},
  descriptors?: string | Uint8Array,
): Promise<TestPlugin> {
  const plugin = await startPlugin(
    definePlugin({
      name: 'kv',
      version: '1.0.0',
      handshake: { cookie: ['KV_PLUGIN', 'hello'], protocolVersions: [1, 3, 2] },
      ...(descriptors === undefined ? {} : { descriptors }),
      setup,
    }),
    options,
  );
  running.push(plugin);
  return plugin;
}

const serveKv = (ctx: PluginContext): void => {
  ctx.service(KvDefinition, {
    get({ key }, call) {
      call.header({ 'x-header': 'first' });
      call.trailer({ 'x-trailer': 'last' });
      if (key === 'missing') throw new RpcError(5, 'not here');
      return { found: true, value: Buffer.from(key), servedBy: `protocol ${ctx.protocolVersion}` };
    },
    put: () => ({}),
    async *watch(_request, call) {
      yield { sequence: 1 };
      await new Promise((resolve) => call.draining.addEventListener('abort', resolve));
      yield { sequence: 2 };
    },
    load: () => ({}),
    async *chat(requests) {
      yield* requests;
    },
  });
};

test('stubs and promise clients call it without a process', async () => {
  const plugin = await start(serveKv);
  const seen: string[] = [];
  const answer = await plugin.client(KvDefinition).get(
    { key: 'a' },
    {
      onHeader: (metadata) => seen.push(...metadata.get('x-header').map(String)),
      onTrailer: (metadata) => seen.push(...metadata.get('x-trailer').map(String)),
    },
  );
  expect(answer).toMatchObject({ found: true, servedBy: 'protocol 3' });
  expect(seen).toEqual(['first', 'last']);
  const stub = plugin.stub(KvClient);
  const value = await new Promise((resolve, reject) => {
    stub.get({ key: 'b' }, (error, response) => (error === null ? resolve(response.value) : reject(error)));
  });
  expect(value).toEqual(Buffer.from('b'));
});

test('a thrown status is the caller’s error', async () => {
  const plugin = await start(serveKv);
  await expect(plugin.client(KvDefinition).get({ key: 'missing' })).rejects.toMatchObject({
    codeName: 'NOT_FOUND',
  });
});

test('runs with the version that is asked for, and with no other than its own', async () => {
  expect((await start(serveKv, { protocolVersion: 2 })).protocolVersion).toBe(2);
  await expect(start(serveKv, { protocolVersion: 4 })).rejects.toMatchObject({ code: 'OPTIONS_INVALID' });
});

test('shows health and logs as a host sees them', async () => {
  const plugin = await start((ctx) => {
    ctx.log.info('set up', { version: ctx.protocolVersion });
    ctx.health.set('samples.kv.v1.Kv', 'NOT_SERVING');
  });
  expect(plugin.health()).toBe('SERVING');
  expect(plugin.health('plugin')).toBe('SERVING');
  expect(plugin.health('samples.kv.v1.Kv')).toBe('NOT_SERVING');
  expect(plugin.health('nobody')).toBeUndefined();
  expect(plugin.logs).toContainEqual(
    expect.objectContaining({ level: 'info', message: 'set up', module: 'kv', fields: { version: 3 } }),
  );
});

test('a drain reaches calls in flight', async () => {
  const plugin = await start(serveKv);
  const sequences: number[] = [];
  for await (const { sequence } of plugin.client(KvDefinition).watch({})) {
    sequences.push(sequence);
    plugin.drain();
  }
  expect(sequences).toEqual([1, 2]);
});

test('stop runs the hooks, once, and leaves no file', async () => {
  const before = new Set(readdirSync(tmpdir()).filter((name) => name.startsWith('plugd-test-')));
  let hooks = 0;
  const plugin = await start((ctx) => ctx.onShutdown(() => void hooks++));
  const [socketDirectory = ''] = readdirSync(tmpdir()).filter(
    (name) => name.startsWith('plugd-test-') && !before.has(name),
  );
  expect(socketDirectory).not.toBe('');
  await Promise.all([plugin.stop(), plugin.stop()]);
  expect(hooks).toBe(1);
  expect(existsSync(`${tmpdir()}/${socketDirectory}`)).toBe(false);
});

test('what setup throws is what startPlugin throws', async () => {
  await expect(
    start(() => {
      throw new Error('no database');
    }),
  ).rejects.toThrow('no database');
});

describe('a service', () => {
  test('can be offered with a grpc-js definition', async () => {
    const plugin = await start((ctx) => {
      ctx.service(KvService, {
        get: ({ key }) => ({ found: true, value: Buffer.from(key), servedBy: 'grpc-js', pid: 1 }),
        put: () => ({ servedBy: '', pid: 0 }),
        async *watch() {},
        load: () => ({ stored: 0, servedBy: '', pid: 0 }),
        async *chat() {},
      });
    });
    expect(await plugin.client(KvDefinition).get({ key: 'a' })).toMatchObject({ servedBy: 'grpc-js' });
  });

  test('can’t be offered twice, nor in place of a built-in one', async () => {
    await expect(
      start((ctx) => {
        serveKv(ctx);
        serveKv(ctx);
      }),
    ).rejects.toMatchObject({ code: 'OPTIONS_INVALID', facts: { service: 'samples.kv.v1.Kv' } });
  });

  test('can’t be offered once setup is done', async () => {
    let late: PluginContext | undefined;
    await start((ctx) => {
      late = ctx;
    });
    expect(() => late && serveKv(late)).toThrow(expect.objectContaining({ code: 'OPTIONS_INVALID' }));
  });
});

test('bad descriptors are found here, not in production', async () => {
  await expect(start(serveKv, {}, Buffer.from('rubbish'))).rejects.toMatchObject({
    code: 'DESCRIPTORS_INVALID',
  });
  await expect(start(serveKv, {}, '/nowhere.binpb')).rejects.toMatchObject({ code: 'DESCRIPTORS_INVALID' });
});
