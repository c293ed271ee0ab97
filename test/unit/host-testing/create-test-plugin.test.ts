import { existsSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { type Plugin, type PluginCalls, RpcError } from '@plugd/host';
import { createTestPlugin, type TestPlugin } from '@plugd/host/testing';
import { KvClient, KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { ProbeDefinition } from '@plugd/protocol/gen/samples/probe/v1/probe';
import { outcome } from '../routing/local-generation';
import { collect, kvService, rejection } from '../rpc/local-kv';

const made: TestPlugin[] = [];
afterEach(async () => {
  await Promise.all(made.splice(0).map((plugin) => plugin.stop()));
});

async function kvPlugin(options: { drainTimeoutMs?: number } = {}): Promise<TestPlugin> {
  const plugin = await createTestPlugin({
    name: 'kv',
    services: [[KvDefinition, kvService('1.0.0')]],
    ...options,
  });
  made.push(plugin);
  return plugin;
}

/** A stream that has begun and goes on until the plugin ends it; `next` gives one more message. */
async function openWatch(plugin: TestPlugin): Promise<AsyncIterator<{ sequence: number; servedBy: string }>> {
  const stream = plugin.client(KvDefinition).watch({ count: 0, intervalMs: 1 })[Symbol.asyncIterator]();
  await stream.next();
  return stream;
}

async function endOf(stream: AsyncIterator<unknown>): Promise<unknown> {
  try {
    while (!(await stream.next()).done);
    return undefined;
  } catch (error) {
    return error;
  }
}

test('stubs, clients and the channel call what the test gave', async () => {
  const plugin = await kvPlugin();
  const client = plugin.client(KvDefinition);
  await client.put({ key: 'a', value: Buffer.from('1') });
  const stub = plugin.stub(KvClient);
  expect(await outcome((callback) => stub.get({ key: 'a' }, callback))).toMatchObject({
    ok: true,
    response: { found: true, value: Buffer.from('1') },
  });
  expect(await collect(client.chat([{ sequence: 1, text: 'hello' }]))).toMatchObject([{ text: 'HELLO' }]);
  expect(plugin.channel).toBe(plugin.channel);
});

test('code written against PluginCalls takes a loaded plugin and a test plugin', async () => {
  const read = async (plugin: PluginCalls, key: string) =>
    (await plugin.client(KvDefinition).get({ key })).found;
  // Only its type matters here: the compiler checks that a loaded plugin fits too.
  const fits: (plugin: Plugin) => Promise<boolean> = (plugin) => read(plugin, 'a');
  expect(fits).toBeDefined();
  expect(await read(await kvPlugin(), 'a')).toBe(false);
});

test('several services share one plugin, and a method that is left out answers UNIMPLEMENTED', async () => {
  const plugin = await createTestPlugin({
    name: 'kv',
    version: '3.1.0',
    protocolVersion: 4,
    services: [
      [KvDefinition, { get: ({ key }) => ({ found: true, value: Buffer.from(key) }) }],
      [ProbeDefinition, { echo: ({ payload }) => ({ payload }) }],
    ],
  });
  made.push(plugin);
  expect((await plugin.client(KvDefinition).get({ key: 'k' })).value).toEqual(Buffer.from('k'));
  expect((await plugin.client(ProbeDefinition).echo({ payload: Buffer.from('p') })).payload).toEqual(
    Buffer.from('p'),
  );
  expect(await rejection(plugin.client(KvDefinition).put({}))).toMatchObject({ codeName: 'UNIMPLEMENTED' });
  expect(plugin.status()).toMatchObject({ version: '3.1.0', protocolVersion: 4 });
});

test('what an implementation throws is what the application catches', async () => {
  const plugin = await createTestPlugin({
    name: 'kv',
    services: [
      [
        KvDefinition,
        {
          get() {
            throw new RpcError(status.PERMISSION_DENIED, 'not yours');
          },
        },
      ],
    ],
  });
  made.push(plugin);
  expect(await rejection(plugin.client(KvDefinition).get({}))).toMatchObject({
    codeName: 'PERMISSION_DENIED',
    details: 'not yours',
  });
});

describe('replace', () => {
  test('sends the next call to the new version, through the stubs of the old one', async () => {
    const plugin = await kvPlugin();
    const client = plugin.client(KvDefinition);
    expect((await client.get({ key: 'a' })).servedBy).toBe('1.0.0');
    await plugin.replace({ version: '2.0.0', services: [[KvDefinition, kvService('2.0.0')]] });
    expect((await client.get({ key: 'a' })).servedBy).toBe('2.0.0');
    expect(plugin.status()).toMatchObject({ state: 'serving', version: '2.0.0', generation: 2 });
    expect(plugin.status().instances).toHaveLength(1);
  });

  test('fails no call under load', async () => {
    const plugin = await kvPlugin();
    const client = plugin.client(KvDefinition);
    let calls = 0;
    let going = true;
    const loops = Array.from({ length: 8 }, async () => {
      while (going) {
        await client.get({ key: 'a' });
        calls++;
      }
    });
    for (let version = 2; version <= 6; version++) {
      await plugin.replace({
        version: `${version}.0.0`,
        services: [[KvDefinition, kvService(`${version}.0.0`)]],
      });
    }
    going = false;
    await Promise.all(loops);
    expect(calls).toBeGreaterThan(8);
  });

  test('lets a call in flight end where it began, and tells that it did', async () => {
    const plugin = await createTestPlugin({
      name: 'kv',
      services: [
        [
          KvDefinition,
          {
            async *watch(_request, call) {
              yield { servedBy: 'old' };
              await new Promise((resolve) => call.draining.addEventListener('abort', resolve));
              yield { servedBy: 'old, drained' };
            },
          },
        ],
      ],
    });
    made.push(plugin);
    const stream = plugin.client(KvDefinition).watch({})[Symbol.asyncIterator]();
    await stream.next();
    const replaced = plugin.replace({ version: '2.0.0', services: [[KvDefinition, kvService('new')]] });
    expect((await stream.next()).value).toMatchObject({ servedBy: 'old, drained' });
    expect((await stream.next()).done).toBe(true);
    expect(await replaced).toMatchObject({ drained: 1, cut: 0 });
  });

  test('cuts a call that outlives the drain, and says why', async () => {
    const plugin = await kvPlugin({ drainTimeoutMs: 20 });
    const stream = await openWatch(plugin);
    const replaced = plugin.replace({ version: '2.0.0', services: [[KvDefinition, kvService('new')]] });
    expect(await endOf(stream)).toMatchObject({ codeName: 'UNAVAILABLE', pluginCode: 'DRAIN_TIMEOUT' });
    expect(await replaced).toMatchObject({ drained: 0, cut: 1 });
  });

  test('that can’t be served leaves the old one serving', async () => {
    const plugin = await kvPlugin();
    const twice = plugin.replace({
      version: '2.0.0',
      services: [
        [KvDefinition, kvService('new')],
        [KvDefinition, kvService('new')],
      ],
    });
    await expect(twice).rejects.toThrow();
    expect((await plugin.client(KvDefinition).get({})).servedBy).toBe('1.0.0');
    expect(plugin.status()).toMatchObject({ version: '1.0.0', generation: 1 });
  });

  test('comes after the one before it', async () => {
    const plugin = await kvPlugin();
    await Promise.all(
      ['2.0.0', '3.0.0'].map((version) =>
        plugin.replace({ version, services: [[KvDefinition, kvService(version)]] }),
      ),
    );
    expect((await plugin.client(KvDefinition).get({})).servedBy).toBe('3.0.0');
  });
});

describe('crash', () => {
  test('breaks calls in flight, and fails new ones with the code of a plugin that exited', async () => {
    const plugin = await kvPlugin();
    const stream = await openWatch(plugin);
    const client = plugin.client(KvDefinition);
    plugin.crash();
    expect(await rejection(client.get({ key: 'a' }))).toMatchObject({
      codeName: 'UNAVAILABLE',
      pluginCode: 'PLUGIN_EXITED',
    });
    expect(await endOf(stream)).toMatchObject({ codeName: 'UNAVAILABLE' });
    expect(plugin.status()).toMatchObject({ state: 'failed', protocolVersion: undefined, instances: [] });
  });

  test.each(['restart', 'replace'] as const)('is repaired by a %s', async (how) => {
    const plugin = await kvPlugin();
    const client = plugin.client(KvDefinition);
    await client.put({ key: 'a', value: Buffer.from('1') });
    plugin.crash();
    if (how === 'restart') await plugin.restart();
    else await plugin.replace({ version: '2.0.0', services: [[KvDefinition, kvService('2.0.0')]] });
    expect(await client.get({ key: 'a' })).toMatchObject({
      servedBy: how === 'restart' ? '1.0.0' : '2.0.0',
    });
    expect(plugin.status().state).toBe('serving');
  });
});

describe('stop', () => {
  test('refuses calls and swaps, and leaves no file', async () => {
    const plugin = await kvPlugin();
    const client = plugin.client(KvDefinition);
    const [instance] = plugin.status().instances;
    const address = instance?.address ?? '';
    expect(existsSync(address)).toBe(process.platform !== 'win32');
    await Promise.all([plugin.stop(), plugin.stop()]);
    expect(existsSync(address)).toBe(false);
    expect(await rejection(client.get({}))).toMatchObject({ pluginCode: 'ROUTE_CLOSED' });
    expect(await rejection(plugin.restart())).toMatchObject({ code: 'PLUGIN_STOPPED' });
    expect(plugin.status()).toMatchObject({ state: 'stopped', instances: [] });
  });

  test('comes at the end of a scope', async () => {
    let left: TestPlugin | undefined;
    {
      await using plugin = await createTestPlugin({
        name: 'kv',
        services: [[KvDefinition, kvService()]],
      });
      left = plugin;
    }
    expect(left.status().state).toBe('stopped');
  });
});

test('what is no service definition is refused', async () => {
  const nonsense = { get: 'no method' };
  const made = createTestPlugin({
    name: 'kv',
    // @ts-expect-error: the compiler refuses it too
    services: [[nonsense, {}]],
  });
  await expect(made).rejects.toMatchObject({ code: 'OPTIONS_INVALID' });
});
