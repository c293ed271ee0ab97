import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import type { LoadOptions } from '@plugd/host';
import { AddHelperDefinition, CounterDefinition } from '@plugd/protocol/gen/samples/counter/v1/counter';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { testsAtOnce } from '../support/at-once';
import { besides } from '../support/besides';
import { addHelper, CounterRoom } from '../support/counter-room';
import { failureOf, servingPid } from '../support/host-room';
import { describeWithGo, goIsHere } from '../support/needs-go';
import { poll } from '../support/poll';
import { isRunning } from '../support/processes';
import { chaosTs, counterGo, kvTs } from '../support/samples';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const full = process.env['PLUGD_FULL'] === '1';

const { atOnce, own: room } = testsAtOnce(() => CounterRoom.open());

const chaos = (mode: string, over: Partial<LoadOptions> = {}) =>
  room().room.load(chaosTs(), { ...over, env: { CHAOS: mode } });

atOnce('a plugin without a broker works, and its scopes are told that there is none', async () => {
  const plugin = await chaos('');
  await plugin.pinned(async ({ broker, client, pid }) => {
    // The plugin's word comes a little after its health.
    const said = await poll(
      () => broker.serve(AddHelperDefinition, addHelper).catch((error: { code: string }) => error.code),
      (outcome) => typeof outcome === 'string',
    );
    expect(said).toBe('BROKER_UNSUPPORTED');
    expect(await failureOf(broker.dial(1))).toMatchObject({ code: 'BROKER_UNSUPPORTED' });
    expect(await client(KvDefinition).get({ key: 'k' })).toMatchObject({ pid });
  });
});

/** Every day one that is an address, one that is a path, and one that is neither. */
const lies: [what: string, place: string][] = [
  ['an address of another machine', 'tcp:192.0.2.1:80'],
  ['a name instead of an address', 'tcp:example.invalid:80'],
  ['every address of this machine', 'tcp:0.0.0.0:80'],
  ['a path that is not absolute', 'unix:plugin1'],
  ['an abstract socket', 'unix:@plugin1'],
  ['a network that there isn’t', 'vsock:1:2'],
  ['nothing', ''],
];

atOnce.each(lies.filter((_, index) => full || index % 3 === 0))(
  'a server announced at %s is not dialled',
  async (_what, place) => {
    const plugin = await chaos(`lying-broker:${place}`);
    await plugin.pinned(async ({ broker, client }) => {
      expect(await failureOf(broker.dial(1))).toMatchObject({
        code: 'BROKER_ADDRESS_REFUSED',
        facts: { serviceId: 1 },
      });
      expect((await client(KvDefinition).get({ key: 'k' })).found).toBe(false);
    });
  },
);

atOnce('a server announced at a path outside of the instance’s directory is not dialled', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'elsewhere-'));
  const path = join(directory, 'plugin1');
  let connections = 0;
  const server = await listening(path, () => {
    connections += 1;
  });
  try {
    const inside = await chaos('', { name: 'other' });
    const { address } = inside.status().instances[0] ?? {};
    for (const [i, refused] of [path, `${address}`, `${address}/../../../${path}`].entries()) {
      const plugin = await chaos(`lying-broker:unix:${refused}`, { name: `lies-${i}` });
      await plugin.pinned(async ({ broker }) => {
        expect(await failureOf(broker.dial(1))).toMatchObject({ code: 'BROKER_ADDRESS_REFUSED' });
      });
    }
    expect(connections).toBe(0);
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
});

describe('multiplexed', () => {
  const multiplex = true;

  atOnce.each([
    ['can not', '', 'MULTIPLEX_UNSUPPORTED'],
    [
      'prints a seventh field that says nothing',
      'line:1|1|unix|/tmp/plugin1|grpc||maybe',
      'MULTIPLEX_UNREADABLE',
    ],
  ])('a plugin that %s is refused, and ended', async (_what, mode, code) => {
    expect(await failureOf(chaos(mode, { multiplex, autoMtls: false }))).toMatchObject({ code });
    expect(room().room.processes()).toEqual([]);
    expect(room().room.files()).toEqual([]);
  });

  atOnce.each([
    ['rubbish-socket', /^(CONNECT_FAILED|TLS_FAILED)$/],
    ['hang-up-socket', /^(CONNECT_FAILED|TLS_FAILED)$/],
    ['dead-socket', /^CONNECT_FAILED$/],
    ['silent-socket', /^HEALTH_TIMEOUT$/],
  ])('a plugin whose session is a %s fails to start, and is ended', async (mode, code) => {
    const error = await failureOf(chaos(`multiplex;${mode}`, { multiplex, startTimeoutMs: 2_000 }));
    expect(error.code).toMatch(code);
    expect(room().room.processes()).toEqual([]);
    expect(room().room.files()).toEqual([]);
  });

  atOnce('one that was not asked to, and is all the same, is taken so', async () => {
    const plugin = await chaos('multiplex', { multiplex: false });
    expect((await plugin.client(KvDefinition).get({ key: 'k' })).pid).toBe(servingPid(plugin));
  });

  atOnce('a scope that ends gives up the knocks that wait', async () => {
    const plugin = await chaos('multiplex;silent-broker', { multiplex });
    let dialled: Promise<unknown> | undefined;
    const begun = performance.now();
    await plugin.pinned(async ({ broker }) => {
      dialled = failureOf(broker.dial(7));
    });
    expect(await dialled).toMatchObject({ code: 'ABORTED' });
    expect(performance.now() - begun).toBeLessThan(4_500);
  });

  atOnce('another host can not attach to it, and does not harm it', async () => {
    const plugin = await chaos('multiplex', { multiplex });
    const handedOver = plugin.handedOver();
    if (handedOver === undefined) throw new Error('the plugin is down');
    const other = await CounterRoom.open();
    try {
      expect(await failureOf(other.room.host.attach(handedOver))).toMatchObject({ code: 'ATTACH_FAILED' });
    } finally {
      await other.close();
    }
    expect((await plugin.client(KvDefinition).get({ key: 'k' })).pid).toBe(servingPid(plugin));
  });

  atOnce('a handover stops it, since it can not outlive its connection', async () => {
    const plugin = await chaos('multiplex', { multiplex });
    const pid = servingPid(plugin);
    expect(await room().room.host.handOver()).toEqual([]);
    expect(isRunning(pid)).toBe(false);
    expect(plugin.status().state).toBe('stopped');
  });
});

atOnce('an instance that was attached to has no broker for its new host', async () => {
  await room().room.load(kvTs('1'));
  const [handedOver] = await room().room.host.handOver();
  if (handedOver === undefined) throw new Error('the plugin is down');
  const other = await CounterRoom.open();
  try {
    const attached = await other.room.host.attach(handedOver);
    await attached.pinned(async ({ broker }) => {
      expect(await failureOf(broker.serve(AddHelperDefinition, addHelper))).toMatchObject({
        code: 'BROKER_CLOSED',
      });
      expect(await failureOf(broker.dial(1))).toMatchObject({ code: 'BROKER_CLOSED' });
    });
  } finally {
    await other.close();
  }
});

describeWithGo('with a Go plugin', () => {
  atOnce('multiplexed, an id is dialled again as long as it is served', async () => {
    const plugin = await room().load(counterGo('1'), { multiplex: true });
    await plugin.pinned(async ({ broker, client }) => {
      const helper = await broker.serve(AddHelperDefinition, addHelper);
      for (let sum = 1; sum <= 5; sum++) {
        const { value } = await client(CounterDefinition).put({ key: 'k', value: 1, helper });
        expect(value).toBe(sum);
      }
    });
  });
});

const inOwnRoom = (task: (own: CounterRoom) => Promise<void>) => async (): Promise<void> => {
  const own = await CounterRoom.open();
  try {
    await task(own);
  } finally {
    await own.close();
  }
};

// The last two wait for five seconds.
besides(
  'a knock that is never answered ends in time; the plugin is called on',
  inOwnRoom(async (own) => {
    const env = { CHAOS: 'multiplex;silent-broker' };
    const plugin = await own.room.load(chaosTs(), { multiplex: true, env });
    await plugin.pinned(async ({ broker, client }) => {
      const begun = performance.now();
      const dialled = failureOf(broker.dial(7));
      const get = () => client(KvDefinition).get({ key: 'k' }, { timeoutMs: 4_000 });
      expect((await get()).found).toBe(false);
      expect(await dialled).toMatchObject({
        code: 'BROKER_TIMEOUT',
        facts: { serviceId: 7, waitedMs: 5_000 },
      });
      expect(performance.now() - begun).toBeGreaterThan(4_900);
      expect((await get()).found).toBe(false);
    });
  }),
);

if (goIsHere)
  besides(
    'an id is dialled once: a second time nobody answers, in either direction',
    inOwnRoom(async (own) => {
      const plugin = await own.load(counterGo('1'));
      await plugin.pinned(async ({ broker, client }) => {
        const counter = client(CounterDefinition);
        const { session } = await counter.open({});
        await broker.dial(session);
        const helper = await broker.serve(AddHelperDefinition, addHelper);
        await counter.put({ key: 'k', value: 1, helper });
        const again = failureOf(broker.dial(session));
        await expect(counter.put({ key: 'k', value: 1, helper })).rejects.toMatchObject({
          code: status.UNAVAILABLE,
          details: expect.stringContaining(`helper ${helper}`),
        });
        expect(await again).toMatchObject({ code: 'BROKER_TIMEOUT', facts: { serviceId: session } });
      });
    }),
  );

function listening(path: string, onConnection: () => void): Promise<Server> {
  const server = createServer((socket) => {
    onConnection();
    socket.destroy();
  });
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}
