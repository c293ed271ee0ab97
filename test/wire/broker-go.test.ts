import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Channel } from '@grpc/grpc-js';
import { Broker } from '@plugd/protocol/broker/broker';
import { hostBrokerStream } from '@plugd/protocol/broker/host-broker-stream';
import { clientCredentials } from '@plugd/protocol/broker/security';
import { StreamProxy } from '@plugd/protocol/broker/stream-proxy';
import { StreamRouter } from '@plugd/protocol/broker/stream-router';
import { decodeCertificateField } from '@plugd/protocol/certificate';
import {
  AddHelperDefinition,
  CounterDefinition,
  CounterSessionDefinition,
} from '@plugd/protocol/gen/samples/counter/v1/counter';
import { grpcTarget } from '@plugd/protocol/grpc-address';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { YamuxSession } from '@plugd/protocol/yamux/session';
import { describeWithGo } from '../support/needs-go';
import { PluginProcess } from '../support/plugin-process';
import { kvGo } from '../support/samples';
import { rejection } from '../unit/rpc/local-kv';

const undone: (() => void | Promise<void>)[] = [];

afterEach(async () => {
  for (const undo of undone.splice(0).reverse()) await undo();
});

/** The host's side of the broker, and unmodified go-plugin at the other. */
async function goCounter(multiplex: boolean, secure: boolean) {
  const plugin = new PluginProcess(join(dirname(kvGo('1')), 'counter-v1'), {
    env: { COUNTER_PLUGIN: 'hello' },
    autoMtls: secure,
    ...(multiplex ? { multiplex: 'true' } : {}),
  });
  undone.push(() => plugin.dispose());
  const line = await plugin.handshake();
  const directory = mkdtempSync(join(tmpdir(), 'plugd-broker-'));
  undone.push(() => rmSync(directory, { recursive: true, force: true }));
  const own = plugin.hostCertificate;
  const security =
    own === undefined ? undefined : { ...own, peerCertificatePem: decodeCertificateField(line.certificate) };

  let router: StreamRouter | undefined;
  let main: { network: 'unix' | 'tcp'; address: string } = line;
  if (multiplex) {
    const socket = connect(line.address);
    await once(socket, 'connect');
    const own = new StreamRouter(new YamuxSession(socket, { side: 'client' }));
    const proxy = await StreamProxy.listen(directory, () => own.openMain());
    undone.push(() => own.session.close());
    undone.push(() => proxy.breakOff());
    router = own;
    main = proxy;
  }
  const channel = new Channel(grpcTarget(main.network, main.address), clientCredentials(security), {
    'grpc.ssl_target_name_override': 'localhost',
  });
  undone.push(() => channel.close());
  const broker = new Broker({
    stream: hostBrokerStream(channel),
    directory,
    peerDirectory: plugin.directory,
    ...(security === undefined ? {} : { security }),
    ...(router === undefined ? {} : { multiplex: router }),
  });
  undone.push(() => broker.close());
  return { plugin, broker, directory, counter: createPromiseClient(CounterDefinition, channel) };
}

const add = { sum: async ({ a, b }: { a: number; b: number }) => ({ r: a + b }) };

describeWithGo.each([
  ['plain', false, false],
  ['AutoMTLS', false, true],
  ['multiplexed', true, false],
  ['multiplexed with AutoMTLS', true, true],
])('with a Go plugin, %s', (_name, multiplex, secure) => {
  test('both sides dial what the other serves, many at once', async () => {
    const { broker, counter, directory } = await goCounter(multiplex, secure);
    const before = readdirSync(directory).length;
    await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        const helper = await broker.serve(AddHelperDefinition, add);
        const key = `key ${index}`;
        expect((await counter.put({ key, value: index, helper })).value).toBe(index);
        await broker.release(helper);
        const { session } = await counter.open({});
        const channel = await broker.dial(session);
        const reader = createPromiseClient(CounterSessionDefinition, channel);
        expect((await reader.read({ key })).value).toBe(index);
        channel.close();
      }),
    );
    expect(broker.entries()).toEqual([]);
    expect(readdirSync(directory)).toHaveLength(before);
  });

  test('the end of the plugin ends the broker', async () => {
    const { broker, plugin } = await goCounter(multiplex, secure);
    await broker.serve(AddHelperDefinition, add);
    // The stream is there once something has come of it.
    const waiting = rejection(broker.dial(4711));
    plugin.child.kill('SIGKILL');
    expect(await waiting).toMatchObject({ code: 'BROKER_CLOSED' });
    expect(await broker.closed).toMatchObject({ code: 'BROKER_CLOSED' });
  });
});
