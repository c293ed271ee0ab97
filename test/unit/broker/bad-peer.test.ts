import type { Duplex } from 'node:stream';
import { Broker } from '@plugd/protocol/broker/broker';
import { StreamRouter } from '@plugd/protocol/broker/stream-router';
import { PluginError } from '@plugd/protocol/plugin-error';
import { YamuxSession } from '@plugd/protocol/yamux/session';
import * as fc from 'fast-check';
import { testProperty } from '../../support/property-test';
import { rejection, until } from '../rpc/local-kv';
import { socketPair } from '../yamux/pair';
import { cleanUp, onCleanUp, temporaryDirectory } from './broker-pair';
import { FakeClock } from './fake-clock';
import { FakeStream } from './fake-stream';

afterEach(cleanUp);

/** A broker whose peer the test plays, over a session that is real. */
async function multiplexed(role: 'host' | 'plugin' = 'host') {
  const [near, far] = await socketPair();
  onCleanUp(() => near.destroy());
  const session = new YamuxSession(near, { side: role === 'host' ? 'client' : 'server' });
  const peer = new YamuxSession(far, { side: role === 'host' ? 'server' : 'client' });
  const [stream, clock] = [new FakeStream(), new FakeClock()];
  const main: Duplex[] = [];
  const router = new StreamRouter(session, {
    clock,
    ...(role === 'plugin' ? { onMain: (one: Duplex) => main.push(one) } : {}),
  });
  const broker = new Broker({ stream, directory: temporaryDirectory(), multiplex: router, clock });
  onCleanUp(() => broker.close());
  const arrived: Duplex[] = [];
  peer.onStream((one) => arrived.push(one));
  return { broker, stream, clock, peer, arrived, main, router, session };
}

function plain() {
  const [stream, clock] = [new FakeStream(), new FakeClock()];
  const directory = temporaryDirectory();
  const broker = new Broker({ stream, directory, peerDirectory: directory, clock });
  onCleanUp(() => broker.close());
  return { broker, stream, clock };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a knock for an id that nobody serves is answered in words, in time for the other side', async () => {
  const { stream, clock } = await multiplexed();
  stream.knock(5);
  clock.pass(4499);
  expect(stream.heard).toEqual([]);
  clock.pass(1);
  expect(stream.heard).toMatchObject([{ serviceId: 5, knock: { ack: true, error: 'no listener for id 5' } }]);
});

test('a knock for an id that is served no more is answered at once', async () => {
  const { broker, stream } = await multiplexed();
  await broker.release(await broker.acceptRaw(() => {}));
  stream.knock(1);
  expect(stream.heard).toMatchObject([{ serviceId: 1, knock: { ack: true, error: 'no listener for id 1' } }]);
});

test('a knock without multiplexing is refused at once', async () => {
  const { stream } = plain();
  stream.knock(5);
  expect(stream.heard).toMatchObject([{ serviceId: 5, knock: { ack: true, error: 'no listener for id 5' } }]);
});

test.each([
  ['refuses it', { knock: { knock: true, ack: true, error: 'not today' } }, 'BROKER_REFUSED'],
  ['sends an address', { network: 'unix', address: '/tmp/plugin1' }, 'BROKER_PROTOCOL'],
  ['forgets that it was a knock', { knock: { knock: false, ack: true, error: '' } }, 'BROKER_PROTOCOL'],
])('a peer that answers a knock and %s is a code', async (_what, answer, code) => {
  const { broker, stream, arrived, peer } = await multiplexed();
  const dialled = rejection(broker.dialRaw(3));
  await settled();
  stream.say({ serviceId: 3, ...answer });
  expect(await dialled).toMatchObject({ code, facts: { serviceId: 3 } });
  await peer.ping();
  expect(arrived).toEqual([]);
});

test('an answer for another id, or to no knock, has no effect', async () => {
  const { broker, stream, clock, arrived, peer } = await multiplexed();
  stream.ack(3);
  const dialled = rejection(broker.dialRaw(3));
  await settled();
  stream.ack(4);
  stream.ack(4, 'no');
  await peer.ping();
  expect(arrived).toEqual([]);
  clock.pass(5000);
  expect(await dialled).toMatchObject({ code: 'BROKER_TIMEOUT' });
});

test('an answer that comes too late gets a stream of its own, so that the next is not taken for it', async () => {
  const { broker, stream, clock, arrived, peer } = await multiplexed();
  const first = rejection(broker.dialRaw(3));
  await settled();
  clock.pass(5000);
  expect(await first).toMatchObject({ code: 'BROKER_TIMEOUT' });
  const second = broker.dialRaw(4);
  await settled();
  stream.ack(3);
  await until(() => arrived.length === 1, 'the stream for the first');
  stream.ack(4);
  const connection = await second;
  await until(() => arrived.length === 2, 'the stream for the second');
  expect([arrived[0]?.destroyed, connection.destroyed]).toEqual([true, false]);
  stream.ack(3);
  await peer.ping();
  expect(arrived).toHaveLength(2);
});

test('knocks go out one at a time, each after the stream of the one before', async () => {
  const { broker, stream, arrived } = await multiplexed();
  const both = [broker.dialRaw(1), broker.dialRaw(2)];
  await settled();
  expect(stream.heard.map(({ serviceId }) => serviceId)).toEqual([1]);
  stream.ack(1);
  await both[0];
  await until(() => stream.heard.length === 2, 'the second knock');
  await until(() => arrived.length === 1, 'the first stream');
  stream.ack(2);
  await both[1];
});

test('a stream without a knock is for the main server of a plugin, and reset by a host', async () => {
  const plugin = await multiplexed('plugin');
  plugin.peer.open();
  await until(() => plugin.main.length === 1, 'it has arrived');
  const host = await multiplexed('host');
  const stream = host.peer.open();
  await new Promise((resolve) => stream.once('close', resolve));
  expect(stream.errored).toMatchObject({ code: 'ECONNRESET' });
});

test.each([
  ['the next knock', (clock: FakeClock) => clock.pass(0), true],
  ['five seconds', (clock: FakeClock) => clock.pass(5000), false],
])('a knock whose stream never comes is over with %s', async (_what, pass, knocksAgain) => {
  const { broker, stream, clock, peer, main } = await multiplexed('plugin');
  const taken: string[] = [];
  await broker.acceptRaw(() => taken.push('one'), { id: 1 });
  await broker.acceptRaw(() => taken.push('two'), { id: 2 });
  stream.knock(1);
  pass(clock);
  if (knocksAgain) stream.knock(2);
  peer.open();
  peer.open();
  await until(() => taken.length + main.length === 2, 'both have arrived');
  expect(taken).toEqual(knocksAgain ? ['two'] : []);
});

test('the end of the session ends the broker and all that waits', async () => {
  const { broker, stream, peer } = await multiplexed();
  const waiting = [rejection(broker.dial(1)), rejection(broker.dial(2))];
  await settled();
  peer.close();
  for (const one of waiting) expect(await one).toMatchObject({ code: 'BROKER_CLOSED' });
  expect((await broker.closed).cause).toMatchObject({ code: 'MULTIPLEX_CLOSED' });
  stream.knock(1);
  expect(stream.heard).toHaveLength(1);
});

test('an announcement of a place that is not allowed is a code for whoever dials it', async () => {
  const { broker, stream } = plain();
  stream.say({ serviceId: 1, network: 'tcp', address: '10.0.0.1:80' });
  stream.say({ serviceId: 2, network: 'unix', address: '/var/run/other.sock' });
  stream.say({ serviceId: 3, network: 'carrier pigeon', address: 'roof' });
  for (const id of [1, 2, 3]) {
    expect(await rejection(broker.dial(id))).toMatchObject({
      code: 'BROKER_ADDRESS_REFUSED',
      facts: { serviceId: id },
    });
  }
});

test('an announcement of a place that nothing answers at is a code for a bare dial', async () => {
  const { broker, stream } = plain();
  stream.say({ serviceId: 1, network: 'tcp', address: '127.0.0.1:1' });
  expect(await rejection(broker.dialRaw(1))).toMatchObject({ code: 'CONNECT_FAILED' });
});

const message = fc.record({
  serviceId: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 0xffffffff })),
  network: fc.oneof(fc.constantFrom('', 'unix', 'tcp'), fc.string()),
  address: fc.oneof(fc.constantFrom('', '/tmp/plugin1', '127.0.0.1:1', '8.8.8.8:53'), fc.string()),
  knock: fc.option(fc.record({ knock: fc.boolean(), ack: fc.boolean(), error: fc.constantFrom('', 'no') }), {
    nil: undefined,
  }),
});

for (const form of ['plain', 'multiplexed']) {
  testProperty(
    `whatever a peer says to a ${form} broker, each dial ends with a code`,
    fc.asyncProperty(fc.array(message, { maxLength: 20 }), async (messages) => {
      const { broker, stream, clock } = form === 'plain' ? plain() : await multiplexed();
      await broker.acceptRaw(() => {}, { id: 1 });
      const dials = [1, 2, 3].map((id) =>
        broker.dialRaw(id).then(
          () => 'connected',
          (error: unknown) => (error instanceof PluginError ? error.code : error),
        ),
      );
      await settled();
      for (const one of messages) stream.say(one);
      for (let turn = 0; turn < 3; turn++) {
        await settled();
        clock.pass(5000);
      }
      broker.close();
      for (const outcome of await Promise.all(dials))
        expect(outcome).toMatch(/^(connected|BROKER_[A-Z_]+|CONNECT_FAILED)$/);
      expect(stream.heard.length).toBeLessThanOrEqual(messages.length + 4);
      cleanUp();
    }),
    60,
  );
}
