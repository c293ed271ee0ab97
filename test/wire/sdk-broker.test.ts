import { existsSync, readdirSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Broker } from '@plugd/protocol/broker/broker';
import { hostBrokerStream } from '@plugd/protocol/broker/host-broker-stream';
import { decodeCertificateField } from '@plugd/protocol/certificate';
import {
  AddHelperDefinition,
  CounterDefinition,
  CounterSessionDefinition,
} from '@plugd/protocol/gen/samples/counter/v1/counter';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { YamuxSession } from '@plugd/protocol/yamux/session';
import { besides } from '../support/besides';
import { GoHost } from '../support/go-host';
import { goIsHere } from '../support/needs-go';
import {
  disposePlugins,
  PluginProcess,
  type StartOptions,
  startPluginProcess,
} from '../support/plugin-process';
import { eventually } from '../support/processes';
import { counterTs } from '../support/samples';

// Real processes, on a machine that may be busy.
jest.setTimeout(60_000);

const brokers: Broker[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const broker of brokers.splice(0)) broker.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  await disposePlugins();
});

const inCounter = (options: StartOptions): StartOptions => ({
  ...options,
  env: { COUNTER_PLUGIN: 'hello', ...options.env },
});
const startCounter = (options: StartOptions = {}): PluginProcess =>
  startPluginProcess(counterTs('2'), inCounter(options));

/** What a host does first. */
async function openBroker(plugin: PluginProcess): Promise<Broker> {
  const { hostCertificate: own } = plugin;
  const { certificate } = await plugin.handshake();
  const broker = new Broker({
    stream: hostBrokerStream(await plugin.connect()),
    directory: plugin.directory,
    ...(own === undefined
      ? {}
      : { security: { ...own, peerCertificatePem: decodeCertificateField(certificate) } }),
  });
  brokers.push(broker);
  return broker;
}

const serveHelper = (broker: Broker): Promise<number> =>
  broker.serve(AddHelperDefinition, { sum: ({ a, b }) => ({ r: a + b }) });

const socketsIn = (plugin: PluginProcess): string[] =>
  readdirSync(plugin.directory).map((name) => join(plugin.directory, name));

// Side by side, since each is five seconds of waiting.
describe('a plugin whose host has no broker', () => {
  test('does not wait any more once it leaves', async () => {
    const plugin = startCounter();
    const counter = createPromiseClient(CounterDefinition, await plugin.connect());
    await counter.get({ key: 'a' });
    const put = counter.put({ key: 'a', value: 1, helper: 1 });
    const refused = expect(put).rejects.toMatchObject({ codeName: 'UNAVAILABLE' });
    await counter.get({ key: 'a' });
    plugin.child.kill('SIGTERM');
    await refused;
    expect(await plugin.exit(3000)).toEqual({ code: 0, signal: null });
  });

  test('goes on once the host has opened it', async () => {
    const plugin = startCounter();
    const counter = createPromiseClient(CounterDefinition, await plugin.connect());
    // Any host counts from 1.
    const put = counter.put({ key: 'a', value: 4, helper: 1 });
    expect(await serveHelper(await openBroker(plugin))).toBe(1);
    expect(await put).toMatchObject({ value: 4 });
  });
});

test.each([
  ['plain', false],
  ['AutoMTLS', true],
])('a host that comes after another gets a broker of its own, %s', async (_name, autoMtls) => {
  const plugin = startCounter({ autoMtls });
  const counter = createPromiseClient(CounterDefinition, await plugin.connect());
  for (const value of [1, 2]) {
    const broker = await openBroker(plugin);
    const put = await counter.put({ key: 'a', value: 1, helper: await serveHelper(broker) });
    expect(put.value).toBe(value);
    const { session } = await counter.open({});
    const channel = await broker.dial(session);
    expect(await createPromiseClient(CounterSessionDefinition, channel).read({ key: 'a' })).toMatchObject({
      value,
    });
    broker.close();
    await eventually(() => socketsIn(plugin).length === 1, 5000, 'only the main socket is left');
  }
});

test('a session that nobody dials ends with the plugin', async () => {
  const plugin = startCounter();
  await openBroker(plugin);
  const counter = createPromiseClient(CounterDefinition, await plugin.connect());
  await counter.open({});
  expect(socketsIn(plugin)).toHaveLength(2);
  plugin.child.kill('SIGTERM');
  expect(await plugin.exit()).toEqual({ code: 0, signal: null });
  expect(socketsIn(plugin)).toEqual([]);
});

test('brokered sockets belong to the host’s group as the first one does', async () => {
  const group = process.getgid?.() ?? 0;
  const plugin = startCounter({ env: { PLUGIN_UNIX_SOCKET_GROUP: String(group) } });
  await openBroker(plugin);
  await createPromiseClient(CounterDefinition, await plugin.connect()).open({});
  expect(socketsIn(plugin).map((path) => statSync(path).mode & 0o777)).toEqual([0o660, 0o660]);
});

describe('a multiplexed plugin', () => {
  async function dial(plugin: PluginProcess): Promise<Socket> {
    const { address } = await plugin.handshake();
    const socket = connect(address);
    socket.on('error', () => {});
    sockets.push(socket);
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return socket;
  }

  test('takes one connection, removes its socket, and leaves when that ends', async () => {
    const plugin = startCounter({ multiplex: 'true' });
    const { address } = await plugin.handshake();
    const session = new YamuxSession(await dial(plugin), { side: 'client' });
    await session.ping();
    await eventually(() => !existsSync(address), 5000, 'the socket’s file has gone');
    await expect(dial(plugin)).rejects.toThrow();
    session.close();
    expect(await plugin.exit()).toEqual({ code: 0, signal: null });
    expect(socketsIn(plugin)).toEqual([]);
  });

  test('leaves when the other end does not speak yamux', async () => {
    const plugin = startCounter({ multiplex: 'true' });
    (await dial(plugin)).write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    expect(await plugin.exit()).toEqual({ code: 0, signal: null });
  });

  test('leaves on SIGTERM', async () => {
    const plugin = startCounter({ multiplex: 'true' });
    await dial(plugin);
    plugin.child.kill('SIGTERM');
    expect((await plugin.exit()).code).toBe(0);
    expect(socketsIn(plugin)).toEqual([]);
  });
});

besides(
  'a plugin that no host connects to leaves, and a call learns that no host has opened the broker',
  async () => {
    // Not ended with those of the tests that run meanwhile.
    const plugins: PluginProcess[] = [];
    const own = (options: StartOptions = {}): PluginProcess => {
      const plugin = new PluginProcess(counterTs('2'), inCounter(options));
      plugins.push(plugin);
      return plugin;
    };
    const alone = async (): Promise<void> => {
      const plugin = own({ multiplex: 'true' });
      const { address } = await plugin.handshake();
      expect(await plugin.exit()).toEqual({ code: 1, signal: null });
      expect(plugin.logs()).toContainEqual(
        expect.objectContaining({
          level: 'error',
          message: 'timed out waiting for connection to be established',
        }),
      );
      expect(existsSync(address)).toBe(false);
    };
    const withoutBroker = async (): Promise<void> => {
      const counter = createPromiseClient(CounterDefinition, await own().connect());
      await expect(counter.put({ key: 'a', value: 1, helper: 1 })).rejects.toMatchObject({
        codeName: 'UNAVAILABLE',
        details: expect.stringContaining('No host has opened the broker within 5000 ms.'),
      });
    };
    try {
      await Promise.all([alone(), withoutBroker()]);
    } finally {
      await Promise.all(plugins.map((plugin) => plugin.dispose()));
    }
  },
);

/** Under a Go host, which waits for as long as the plugins above. */
const fails = async (multiplex: boolean) => {
  const host = new GoHost();
  try {
    await host.request('start', {
      command: [counterTs('1')],
      cookie: ['COUNTER_PLUGIN', 'hello'],
      multiplex,
    });
    const refused = host.request('counter-put', { key: 'a', value: 1, helper: 4711 });
    await expect(refused).rejects.toMatchObject({ code: 14 });
    expect(await host.request('counter-get', { key: 'a' })).toMatchObject({ found: false });
    expect(await host.request('counter-put', { key: 'a', value: 7 })).toMatchObject({ value: 7 });
  } finally {
    await host.close();
  }
};

// Side by side: each waits until go-plugin has given up.
if (goIsHere)
  besides('under a Go host an id that nobody serves fails its call, and no other', async () => {
    await Promise.all([fails(false), fails(true)]);
  });
