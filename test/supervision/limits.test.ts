import type { LoadOptions, Plugin } from '@plugd/host';
import { roomsWith } from '../support/at-once';
import { servingPid } from '../support/host-room';
import { Load } from '../support/load';
import { poll } from '../support/poll';
import { Moody, tell } from './moody';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

/** How often one that is old enough is replaced. */
const ages = process.env['PLUGD_FULL'] === '1' ? 6 : 2;

const { atOnce, room, plugins: moody } = roomsWith(() => new Moody());

const replacements = () =>
  room().events.filter((event) => event.type === 'restart' && event.phase === 'done').length;
/** Those that were asked to leave, and did. */
const leftInOrder = () => room().log.records.filter(({ message }) => message === 'left in order').length;

/** Runs something while calls of every kind go on; then all of them must have been answered. */
async function underLoad(
  limits: LoadOptions['limits'],
  during: (plugin: Plugin) => Promise<void>,
  restMs = 2,
) {
  const ledger = room().ledger('kv');
  const plugin = await moody().load(room(), limits === undefined ? {} : { limits });
  const load = await Load.start(plugin, ledger, { unary: 8, streams: false, restMs });
  try {
    await during(plugin);
    // Another one has answered as well.
    await poll(
      () => new Set(ledger.entries.map(({ pid }) => pid)).size,
      (processes) => processes > 1,
    );
  } finally {
    await load.stop();
  }
  expect(ledger.wrong).toEqual([]);
}

atOnce.each<
  [
    string,
    keyof NonNullable<LoadOptions['limits']>,
    NonNullable<LoadOptions['limits']> & { readonly checkEveryMs: number },
    string,
    number,
  ]
>([
  ['memory', 'memoryBytes', { memoryBytes: 300 * 1024 * 1024, checkEveryMs: 30 }, 'eat:300', 2],
  ['descriptors', 'descriptors', { descriptors: 200, checkEveryMs: 30 }, 'open:300', 2],
  // Read less often, since systems count processor time in steps of 10 ms; and more threads than it takes, since others
  // want processors too.
  ['processors', 'cpuShare', { cpuShare: 0.25, checkEveryMs: 300 }, 'burn:5', 50],
])(
  'a process that uses too much of its %s is replaced without a failed call, and asked to leave',
  async (_, limit, limits, deed, restMs) => {
    const during = async (plugin: Plugin) => {
      const pid = servingPid(plugin);
      await new Promise((resolve) => setTimeout(resolve, 5 * limits.checkEveryMs));
      expect(replacements()).toBe(0);
      await tell(plugin, deed);
      await poll(leftInOrder, (count) => count === 1, 30_000);
      expect(servingPid(plugin)).not.toBe(pid);
      const states = room().events.flatMap((event) =>
        event.type === 'instance' && event.pid === pid ? [event.to] : [],
      );
      expect(states.slice(0, 3)).toEqual(['ready', 'serving', 'draining']);
    };
    await underLoad({ ...limits, readings: 2 }, during, restMs);
    expect(replacements()).toBe(1);
    const [said] = room().events.filter((event) => event.type === 'restart');
    expect(said?.cause).toMatchObject({ reason: 'limit', code: 'LIMIT_EXCEEDED' });
    expect(said?.cause.message).toContain(limit);
    expect(
      room().events.some(
        (event) => event.type === 'plugin' && event.to !== 'starting' && event.to !== 'serving',
      ),
    ).toBe(false);
    expect(room().host.snapshot().plugins[0]?.statistics.restarts).toMatchObject({
      lost: { limit: 1, crash: 0, unhealthy: 0 },
      restarts: 1,
      failedStarts: 0,
    });
  },
);

atOnce('a process that is old enough is replaced, again and again, without a failed call', async () => {
  await underLoad({ ageMs: 400, checkEveryMs: 30 }, async () => {
    await poll(leftInOrder, (count) => count >= ages, 40_000);
  });
  // Each of them in its time: the age of one says nothing against the next.
  const done = room().events.filter((event) => event.type === 'restart' && event.phase === 'done');
  const times = done.map(({ time }) => time);
  const pauses = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  expect(pauses.length).toBeGreaterThanOrEqual(ages - 1);
  expect(Math.max(...pauses)).toBeLessThan(10_000);
});

atOnce('a process over its limit serves on while no other one comes up', async () => {
  const plugin = await moody().load(room(), {
    limits: { descriptors: 200, checkEveryMs: 30, readings: 1 },
    startTimeoutMs: 1_000,
  });
  const pid = servingPid(plugin);
  moody().shutGate();
  await tell(plugin, 'open:300');
  await poll(
    () => room().host.snapshot().plugins[0]?.statistics.restarts.failedStarts,
    (failed) => failed === 1,
  );
  expect(plugin.status()).toMatchObject({ state: 'serving', instances: [{ pid, state: 'serving' }] });
  moody().openGate();
  await poll(
    () => servingPid(plugin),
    (serving) => serving !== pid,
    30_000,
  );
});

atOnce(
  'a process over its limit that crashes while another comes up is missed for no longer than that takes',
  async () => {
    const plugin = await moody().load(room(), {
      limits: { descriptors: 200, checkEveryMs: 30, readings: 1 },
      restart: { hold: { limitMs: 30_000 } },
    });
    const pid = servingPid(plugin);
    moody().shutGate();
    await tell(plugin, 'open:300');
    await poll(
      () => room().events.filter((event) => event.type === 'restart').length,
      (count) => count === 1,
    );
    process.kill(pid, 'SIGKILL');
    await poll(
      () => plugin.status().state,
      (state) => state === 'restarting',
    );
    moody().openGate();
    await poll(
      () => plugin.status().state,
      (state) => state === 'serving',
    );
    await poll(
      () => room().processes(),
      (pids) => pids.length === 1,
    );
    expect(room().processes()).toEqual([servingPid(plugin)]);
    // The one that was on its way took its place: no second one was started.
    expect(room().host.snapshot().plugins[0]?.statistics.restarts).toMatchObject({
      lost: { limit: 1, crash: 1 },
      restarts: 1,
    });
  },
);
