import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { eventually, isRunning, processesWith } from '../support/processes';
import { FaultRoom, type Loaded } from './host-faults-support';

// Plugins that do not leave when they should, leave when they should not, or leave something behind.

let room: FaultRoom;
beforeAll(async () => {
  room = await FaultRoom.open();
});
afterEach(() => {
  expect(room.leftFiles()).toEqual([]);
});
afterAll(() => room.close());

/** What ending by force may take on a busy machine. */
const FORCE_MS = 4_000;

/** How long a stop took. */
async function timedStop({ plugin }: Loaded): Promise<number> {
  const begun = performance.now();
  await plugin.stop();
  const took = performance.now() - begun;
  expect(plugin.status()).toMatchObject({ state: 'stopped', instances: [] });
  return took;
}

/** The same; afterwards everything is gone. */
async function stop(loaded: Loaded): Promise<number> {
  const took = await timedStop(loaded);
  room.expectGone(loaded);
  return took;
}

const stubborn: [what: string, mode: string, leastMs: number, mostMs: number][] = [
  ['ignores Shutdown and SIGTERM', 'hang-shutdown', 700, 1_400],
  ['answers Shutdown, stays, and ignores SIGTERM', 'stay-after-shutdown;ignore-sigterm', 700, 1_400],
  ['ignores Shutdown, SIGTERM, and has a grandchild', 'hang-shutdown;grandchild-session', 700, 1_400],
  ['hangs on Shutdown only', 'hang-shutdown-only', 700, 700],
  ['answers Shutdown and stays', 'stay-after-shutdown', 700, 700],
];

test('a plugin that does not leave, in whichever way, is ended within the limits', async () => {
  // Side by side: it is all waiting.
  await Promise.all(
    stubborn.map(async ([what, mode, leastMs, mostMs]) => {
      const loaded = await room.load(mode, { stopTimeoutMs: 700 });
      const took = await timedStop(loaded);
      // It was asked first, and waited for.
      const inTime = took > leastMs - 50 && took < mostMs + FORCE_MS;
      expect({ what, took, inTime }).toEqual({ what, took, inTime: true });
      expect(processesWith(loaded.mark)).toEqual([]);
    }),
  );
  expect(room.leftFiles()).toEqual([]);
});

/** So long that a stop that waits for it would be seen. */
const LONG_MS = 60_000;

const atOnce = [
  ['without a controller is ended by a signal at once', 'no-controller'],
  ['that leaves when it is told to is not waited for', ''],
  ['with a grandchild in a session of its own is not waited for', 'grandchild-session'],
  ['that floods both streams is not waited for', 'flood-stdout:json;flood-stderr:binary'],
];
const more = [
  ['whose grandchild keeps the pipes is not waited for', 'grandchild-pipes'],
  ['with a grandchild in its group is not waited for', 'grandchild-group'],
  ['that floods the stdio stream is not waited for', 'flood-stdio:lines'],
];

// Every day one of each kind.
test.each(process.env['PLUGD_FULL'] === '1' ? [...atOnce, ...more] : atOnce)(
  'a plugin %s',
  async (_, mode = '') => {
    const loaded = await room.load(mode, { stopTimeoutMs: LONG_MS });
    if (mode.startsWith('grandchild')) {
      await eventually(() => processesWith(loaded.mark).length === 2, 5_000, 'the grandchild runs');
    }
    expect(await stop(loaded)).toBeLessThan(FORCE_MS);
  },
);

test('a plugin that crashes takes its grandchildren along, and is back with a restart', async () => {
  const loaded = await room.load('grandchild-pipes;grandchild-group;grandchild-session;crash-on-call');
  const kv = loaded.plugin.client(KvDefinition);
  await eventually(() => processesWith(loaded.mark).length === 4, 5_000, 'three grandchildren run');
  const error: unknown = await kv.get({ key: 'k' }, { timeoutMs: 10_000 }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 14 });
  await eventually(() => processesWith(loaded.mark).length === 0, 10_000, 'all of them are gone');
  expect(loaded.plugin.status().state).toBe('failed');
  await expect(kv.get({ key: 'k' }, { timeoutMs: 10_000 })).rejects.toMatchObject({
    code: 14,
    pluginCode: 'PLUGIN_EXITED',
  });
  expect(room.room.events).toContainEqual(
    expect.objectContaining({
      type: 'plugin',
      plugin: loaded.plugin.name,
      to: 'failed',
      cause: expect.objectContaining({ reason: 'crash', code: 'PLUGIN_EXITED' }),
    }),
  );
  await loaded.plugin.restart();
  expect(loaded.plugin.status().state).toBe('serving');
  await stop(loaded);
});

test('a plugin that crashes while it is idle is noticed without a call', async () => {
  const loaded = await room.load('crash-after:300');
  await eventually(() => loaded.plugin.status().state === 'failed', 10_000, 'the crash is seen');
  expect(isRunning(loaded.pid)).toBe(false);
  expect(loaded.plugin.status().instances).toEqual([]);
  await stop(loaded);
});

test('the last words of a plugin that crashes are in the log, whole', async () => {
  const loaded = await room.load('panic-on-call');
  const call = loaded.plugin.client(KvDefinition).get({ key: 'k' }, { timeoutMs: 10_000 });
  await expect(call).rejects.toMatchObject({ code: 14 });
  await eventually(() => loaded.plugin.status().state === 'failed', 10_000, 'the crash is seen');
  await stop(loaded);
  const words = room.room.log.records.find(
    ({ level, fields }) =>
      level === 'error' && fields['plugin'] === loaded.plugin.name && 'exitCode' in fields,
  );
  expect(words?.fields).toMatchObject({ exitCode: 2, signal: null, pid: loaded.pid });
  expect(words?.fields['stderr']).toEqual([...Array(39).fill('goroutine 1 [running]:'), 'exit status 2']);
});

test('a stop in the very moment of a crash still waits until nothing is left', async () => {
  const { options, mark } = room.options('grandchild-session;crash-after:300');
  const { host } = room.room;
  const stopped = new Promise<void>((resolve, reject) => {
    host.on('event', function listener(event) {
      if (event.type !== 'plugin' || event.plugin !== options.name || event.to !== 'failed') return;
      host.off('event', listener);
      const plugin = host.plugin(options.name);
      if (plugin === undefined) reject(new Error('it is gone already'));
      else plugin.stop().then(resolve, reject);
    });
  });
  await host.load(options);
  await stopped;
  expect(processesWith(mark)).toEqual([]);
  expect(room.leftFiles()).toEqual([]);
});

test('calls that hang are cut when the plugin is stopped, and say why', async () => {
  const loaded = await room.load('hang-on-call', { drainTimeoutMs: 300, stopTimeoutMs: LONG_MS });
  const call = loaded.plugin.client(KvDefinition).get({ key: 'k' }, { timeoutMs: LONG_MS });
  const outcome = expect(call).rejects.toMatchObject({ code: 14, pluginCode: 'DRAIN_TIMEOUT' });
  await eventually(() => loaded.plugin.status().instances[0]?.inFlight === 1, 5_000, 'the call is in flight');
  const took = await stop(loaded);
  expect(took).toBeGreaterThan(250);
  expect(took).toBeLessThan(300 + FORCE_MS);
  await outcome;
});

test('a load that is given up by closing the host leaves nothing and ends at once', async () => {
  const own = await FaultRoom.open();
  const { options, mark } = own.options('grandchild-session;silent', { startTimeoutMs: LONG_MS });
  const loading = own.room.host.load(options).catch((thrown: unknown) => thrown);
  await eventually(() => processesWith(mark).length === 2, 10_000, 'it is starting');
  const begun = performance.now();
  await own.close();
  expect(await loading).toMatchObject({ code: expect.stringMatching(/^(HOST_CLOSED|PLUGIN_STOPPED)$/) });
  expect(performance.now() - begun).toBeLessThan(2 * FORCE_MS);
  expect(processesWith(mark)).toEqual([]);
});
