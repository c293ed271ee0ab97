import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { MessagePipe } from '@plugd/protocol/broker/message-pipe';
import { MAX_CONNECTIONS, MAX_STREAMS, MAX_WAITING } from '@plugd/protocol/broker/rules';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { kvService, rejection, until } from '../rpc/local-kv';
import { brokerPair, cleanUp, onCleanUp } from './broker-pair';

// What the other side can send, and this side must not keep.

afterEach(cleanUp);

const plain = { multiplex: false, secure: false };
const multiplexed = { multiplex: true, secure: false };

const message = (serviceId: number) => ({ serviceId, network: '', address: '', knock: undefined });

test('messages for a side that reads none are kept up to a number, and the rest is refused and counted', async () => {
  const pipe = new MessagePipe();
  const sent = Array.from({ length: MAX_WAITING }, (_, id) => pipe.send(message(id)));
  const outcomes = Promise.allSettled(sent);
  expect(await rejection(pipe.send(message(9)))).toMatchObject({
    code: 'BROKER_PROTOCOL',
    facts: { serviceId: 9, waiting: MAX_WAITING },
  });
  expect(pipe.dropped).toBe(1);
  // Once it reads again there is room again.
  const outgoing = pipe.outgoing[Symbol.asyncIterator]();
  expect((await outgoing.next()).value).toMatchObject({ serviceId: 0 });
  const last = rejection(pipe.send(message(10)));
  expect(pipe.dropped).toBe(1);
  pipe.end();
  expect(await last).toMatchObject({ code: 'BROKER_CLOSED' });
  expect((await outcomes).filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('messages that come before anybody listens are kept up to a number, and the rest is counted', async () => {
  const pipe = new MessagePipe();
  async function* incoming() {
    for (let id = 0; id < MAX_WAITING + 7; id++) yield message(id);
  }
  await pipe.read(incoming());
  const heard: number[] = [];
  pipe.onReceive(({ serviceId }) => heard.push(serviceId));
  expect(heard).toHaveLength(MAX_WAITING);
  expect(pipe.dropped).toBe(7);
});

test('connections to one server are limited, and there is room again when some have ended', async () => {
  const { host } = await brokerPair(plain);
  const accepted = new Set<unknown>();
  await host.acceptRaw((connection) => {
    accepted.add(connection);
    connection.once('close', () => accepted.delete(connection));
  });
  const address = host.entries()[0]?.address ?? '';
  const open = new Set<Socket>();
  const dial = (): Socket => {
    const socket = connect(address).resume();
    socket.on('error', () => {});
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    onCleanUp(() => socket.destroy());
    return socket;
  };
  for (let i = 0; i < MAX_CONNECTIONS + 9; i++) dial();
  await until(() => host.counters.refusedConnections === 9, 'nine are refused');
  await until(() => open.size === MAX_CONNECTIONS, 'the rest is connected');
  expect(accepted.size).toBe(MAX_CONNECTIONS);
  for (const socket of open) socket.destroy();
  await until(() => accepted.size === 0, 'all have left');
  dial();
  await until(() => accepted.size === 1, 'one more is taken');
  expect(host.counters).toEqual({ droppedMessages: 0, refusedConnections: 9 });
});

test('streams of a shared connection to one server are limited too', async () => {
  const { host, plugin } = await brokerPair(multiplexed);
  const id = await host.acceptRaw((stream) => stream.resume());
  for (let i = 0; i < MAX_CONNECTIONS + 3; i++) {
    const stream = await plugin.dialRaw(id);
    stream.on('error', () => {});
    stream.resume();
  }
  await until(() => host.counters.refusedConnections === 3, 'three are refused');
});

test('one that opens ten thousand streams gets so many answered at a time', async () => {
  const { host, plugin } = await brokerPair(plain);
  let running = 0;
  let most = 0;
  await host.serve(KvDefinition, {
    ...kvService(),
    watch: async function* (_, { signal }) {
      most = Math.max(most, ++running);
      try {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      } finally {
        running--;
      }
      yield* [];
    },
  });
  // Its announcement is kept for five seconds, which ten thousand streams may take on a busy machine.
  const dialled = await plugin.dial(1);
  const session = connectHttp2('http://localhost', {
    createConnection: () => connect(host.entries()[0]?.address ?? ''),
  });
  session.on('error', () => {});
  onCleanUp(() => session.destroy());
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  for (let i = 0; i < 10_000; i++) {
    session
      .request({ ':method': 'POST', ':path': '/samples.kv.v1.Kv/Watch', 'content-type': 'application/grpc' })
      .on('error', () => {})
      .end(Buffer.alloc(5));
  }
  await until(() => running === MAX_STREAMS, 'so many are answered');
  // Another connection of the same side is served meanwhile.
  const kv = createPromiseClient(KvDefinition, dialled);
  expect(await kv.get({ key: 'a' })).toMatchObject({ found: false });
  expect(most).toBe(MAX_STREAMS);
});
