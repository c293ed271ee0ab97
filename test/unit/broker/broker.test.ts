import { readdirSync } from 'node:fs';
import type { Broker } from '@plugd/protocol/broker/broker';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { createPromiseClient } from '@plugd/protocol/rpc/client';
import { collect, kvService, rejection, until } from '../rpc/local-kv';
import { readAll } from '../yamux/pair';
import { brokerPair, cleanUp, forms } from './broker-pair';
import { FakeClock } from './fake-clock';

afterEach(cleanUp);

async function dialKv(broker: Broker, id: number) {
  const channel = await broker.dial(id);
  return { channel, kv: createPromiseClient(KvDefinition, channel) };
}

describe.each(forms)('$name', (form) => {
  test.each(['host', 'plugin'] as const)(
    'the %s dials what the other side serves, with all kinds of call',
    async (side) => {
      const pair = await brokerPair(form);
      const [dialler, server] = side === 'host' ? [pair.host, pair.plugin] : [pair.plugin, pair.host];
      const id = await server.serve(KvDefinition, kvService('brokered'));
      expect(id).toBe(1);
      const { kv } = await dialKv(dialler, id);
      expect(await kv.put({ key: 'a', value: Buffer.from('b') })).toMatchObject({ servedBy: 'brokered' });
      expect(await kv.get({ key: 'a' })).toMatchObject({ found: true });
      expect(await collect(kv.watch({ count: 3 }))).toHaveLength(3);
      expect(await kv.load([{ key: 'c' }, { key: 'd' }])).toMatchObject({ stored: 2 });
      expect(await collect(kv.chat([{ text: 'x' }, { text: 'y' }]))).toMatchObject([
        { text: 'X' },
        { text: 'Y' },
      ]);
      const big = await kv.put({ key: 'big', value: Buffer.alloc(6_000_000, 7) });
      expect(big.servedBy).toBe('brokered');
      expect((await kv.get({ key: 'big' })).value).toHaveLength(6_000_000);
    },
  );

  test('a dial may come before its server', async () => {
    const { host, plugin } = await brokerPair(form);
    const dialled = dialKv(host, 41);
    await plugin.serve(KvDefinition, kvService(), { id: 41 });
    expect(await (await dialled).kv.get({ key: 'x' })).toMatchObject({ found: false });
  });

  test('both sides count their ids for themselves', async () => {
    const { host, plugin } = await brokerPair(form);
    const ids = [
      await host.serve(KvDefinition, kvService('host')),
      await plugin.serve(KvDefinition, kvService('plugin')),
    ];
    expect(ids).toEqual([1, 1]);
    expect(await (await dialKv(host, 1)).kv.get({ key: '' })).toMatchObject({ servedBy: 'plugin' });
    expect(await (await dialKv(plugin, 1)).kv.get({ key: '' })).toMatchObject({ servedBy: 'host' });
  });

  test('32 dials in each direction at once reach each its own server', async () => {
    const { host, plugin } = await brokerPair(form);
    await Promise.all(
      (
        [
          [host, plugin],
          [plugin, host],
        ] as const
      ).flatMap(([dialler, server]) =>
        Array.from({ length: 32 }, async (_, index) => {
          const name = `server ${index}`;
          const id = await server.serve(KvDefinition, kvService(name));
          const { kv } = await dialKv(dialler, id);
          expect(await kv.get({ key: 'x' })).toMatchObject({ servedBy: name });
        }),
      ),
    );
  });

  test('an id that nobody serves is a code, and nothing else is harmed', async () => {
    const clock = new FakeClock();
    const { host, plugin } = await brokerPair(form, { clock });
    const failed = rejection(host.dial(9));
    await until(() => clock.pending > 0, 'the dial waits');
    // The knock has to arrive before time passes.
    const id = await plugin.serve(KvDefinition, kvService());
    if (form.multiplex) await until(() => clock.pending > 1, 'the knock waits for its server');
    clock.pass(5000);
    expect(await failed).toMatchObject({
      code: form.multiplex ? expect.stringMatching(/^BROKER_(REFUSED|TIMEOUT)$/) : 'BROKER_TIMEOUT',
      facts: { serviceId: 9 },
    });
    const again = await plugin.serve(KvDefinition, kvService());
    expect(again).toBe(id + 1);
    expect(await (await dialKv(host, again)).kv.get({ key: 'x' })).toMatchObject({ found: false });
  });

  test('a dial can be given up', async () => {
    const { host, plugin } = await brokerPair(form);
    const given = new AbortController();
    const dialled = rejection(host.dial(7, { signal: given.signal }));
    given.abort('enough');
    expect(await dialled).toMatchObject({ code: 'ABORTED' });
    // What came of the knock must not be taken for the next one's.
    await plugin.serve(KvDefinition, kvService('seven'), { id: 7 });
    const id = await plugin.serve(KvDefinition, kvService('one'));
    expect(await (await dialKv(host, id)).kv.get({ key: 'x' })).toMatchObject({ servedBy: 'one' });
  });

  test('an id is served once at a time', async () => {
    const { host } = await brokerPair(form);
    await host.serve(KvDefinition, kvService(), { id: 1 });
    expect(await rejection(host.serve(KvDefinition, kvService(), { id: 1 }))).toMatchObject({
      code: 'BROKER_ID_TAKEN',
    });
    expect(await host.serve(KvDefinition, kvService())).toBe(2);
  });

  test('a released id ends its calls in order, and then nothing answers', async () => {
    const { host, plugin } = await brokerPair(form);
    const id = await plugin.serve(KvDefinition, kvService());
    const { kv } = await dialKv(host, id);
    const running = collect(kv.watch({ count: 5, intervalMs: 20 }));
    await kv.get({ key: 'x' });
    await plugin.release(id);
    expect(await running).toHaveLength(5);
    expect(plugin.entries()).toEqual([]);
    expect(await rejection(kv.get({ key: 'x' }, { timeoutMs: 2000 }))).toMatchObject({ code: 14 });
  });

  test('everything ends with a broker: waits, servers, channels, sockets, the other one', async () => {
    const { host, plugin, directory, hostDirectory, mux } = await brokerPair(form);
    const before = [readdirSync(directory).length, readdirSync(hostDirectory).length];
    const { kv } = await dialKv(host, await plugin.serve(KvDefinition, kvService()));
    const { kv: back } = await dialKv(plugin, await host.serve(KvDefinition, kvService()));
    await Promise.all([kv.get({ key: 'x' }), back.get({ key: 'x' })]);
    const running = rejection(collect(kv.watch({ count: 0, intervalMs: 10 })));
    const waiting = rejection(host.dial(77));
    plugin.close();
    expect(await running).toMatchObject({ code: 14 });
    expect(await waiting).toMatchObject({ code: 'BROKER_CLOSED' });
    expect(await host.closed).toMatchObject({ code: 'BROKER_CLOSED' });
    for (const broker of [host, plugin]) {
      expect(await rejection(broker.dial(1))).toMatchObject({ code: 'BROKER_CLOSED' });
      expect(await rejection(broker.dialRaw(1))).toMatchObject({ code: 'BROKER_CLOSED' });
      expect(await rejection(broker.serve(KvDefinition, kvService()))).toMatchObject({
        code: 'BROKER_CLOSED',
      });
      expect(broker.entries()).toEqual([]);
    }
    expect([readdirSync(directory).length, readdirSync(hostDirectory).length]).toEqual(before);
    if (mux !== undefined)
      await until(() => mux.hostSession.streamCount <= 1, 'only the main stream is left');
  });

  test('the end of the main connection ends both brokers', async () => {
    const { host, plugin, channel, mux } = await brokerPair(form);
    const { kv } = await dialKv(host, await plugin.serve(KvDefinition, kvService()));
    await kv.get({ key: 'x' });
    if (mux === undefined) plugin.close();
    else mux.pluginSession.close();
    expect(await host.closed).toMatchObject({ code: 'BROKER_CLOSED' });
    expect(await plugin.closed).toMatchObject({ code: 'BROKER_CLOSED' });
    if (mux !== undefined) {
      expect(
        await rejection(kv.get({ key: 'x' }, { timeoutMs: 2000 }).catch((error) => Promise.reject(error))),
      ).toBeDefined();
      expect(mux.hostSession.streamCount).toBe(0);
    }
    channel.close();
  });

  test('bare connections are brokered too', async () => {
    const { host, plugin } = await brokerPair(form);
    const id = await plugin.acceptRaw((connection) => connection.pipe(connection));
    const connection = await host.dialRaw(id);
    connection.end('hello');
    expect(String(await readAll(connection))).toBe('hello');
  });

  test('what the broker holds can be told as data', async () => {
    const { host, plugin } = await brokerPair(form);
    await plugin.serve(KvDefinition, kvService());
    const { channel } = await dialKv(host, 1);
    const place = form.multiplex ? {} : { network: 'unix', address: expect.stringContaining('plugin') };
    expect(plugin.entries()).toEqual([{ id: 1, direction: 'accept', ...place }]);
    expect(host.entries()).toEqual([{ id: 1, direction: 'dial', ...place }]);
    channel.close();
    expect(host.entries()).toEqual([]);
  });
});

describe.each(forms.filter(({ multiplex }) => !multiplex))('$name', (form) => {
  test('an announcement is good for one dial and for five seconds', async () => {
    const clock = new FakeClock();
    const { host, plugin } = await brokerPair(form, { clock });
    const used = await plugin.serve(KvDefinition, kvService());
    await dialKv(host, used);
    const late = await plugin.serve(KvDefinition, kvService());
    await until(() => clock.pending === 1, 'the announcement has arrived');
    clock.pass(5000);
    const failed = [rejection(host.dial(used)), rejection(host.dial(late))];
    await until(() => clock.pending === 2, 'both wait');
    clock.pass(5000);
    for (const one of failed) expect(await one).toMatchObject({ code: 'BROKER_TIMEOUT' });
  });
});

describe.each(forms.filter(({ multiplex }) => multiplex))('$name', (form) => {
  test('an id can be dialled again and again', async () => {
    const { host, plugin } = await brokerPair(form);
    const id = await plugin.serve(KvDefinition, kvService());
    for (let time = 0; time < 3; time++) {
      const { kv, channel } = await dialKv(host, id);
      expect(await kv.get({ key: 'x' })).toMatchObject({ found: false });
      channel.close();
    }
  });

  test('a broken stream is replaced by another, with a knock of its own', async () => {
    const { host, plugin } = await brokerPair(form);
    const connections: { destroy(): void }[] = [];
    const id = await plugin.acceptRaw((connection) => connections.push(connection));
    const first = await host.dialRaw(id);
    await until(() => connections.length === 1, 'it has arrived');
    connections[0]?.destroy();
    await new Promise((resolve) => first.once('close', resolve));
    await host.dialRaw(id);
    await until(() => connections.length === 2, 'the next has arrived');
  });
});

test('with AutoMTLS nobody else gets in', async () => {
  const secure = await brokerPair({ multiplex: false, secure: true });
  const id = await secure.plugin.serve(KvDefinition, kvService());
  const plainly = await secure.host.dialRaw(id);
  const answered = readAll(plainly).catch(() => Buffer.alloc(0));
  plainly.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  // A TLS alert at most, and the end.
  expect((await answered).length).toBeLessThan(16);
});
