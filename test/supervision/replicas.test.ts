import type { Plugin } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsWith } from '../support/at-once';
import { killNow } from '../support/host-room';
import { Load } from '../support/load';
import { poll } from '../support/poll';
import { isRunning } from '../support/processes';
import { Moody, tell } from './moody';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const { atOnce, room, plugins: moody } = roomsWith(() => new Moody());

const patient = { hold: { limitMs: 30_000 } } as const;
const serving = (plugin: Plugin) =>
  plugin
    .status()
    .instances.filter(({ state }) => state === 'serving')
    .map(({ pid }) => pid);
const three = (plugin: Plugin) =>
  poll(
    () => serving(plugin),
    (pids) => pids.length === 3,
  );

/** Begins an endless stream, and resolves with who answers it. */
async function occupy(plugin: Plugin, signal: AbortSignal): Promise<number> {
  const client = plugin.client(KvDefinition);
  const stream = client.watch({ count: 0, intervalMs: 50 }, { signal })[Symbol.asyncIterator]();
  const first = await stream.next();
  if (first.done === true) throw new Error('it has ended');
  void (async () => {
    while ((await stream.next()).done !== true);
  })().catch(() => {});
  return first.value.pid;
}

atOnce('calls are spread over all instances, each to the least busy one', async () => {
  const plugin = await moody().load(room(), { instances: 3 });
  const client = plugin.client(KvDefinition);
  const pids = await three(plugin);
  expect(room().processes().sort()).toEqual([...pids].sort());
  const all = new AbortController();
  const busy = await Promise.all(Array.from({ length: 9 }, () => occupy(plugin, all.signal)));
  expect([...busy].sort()).toEqual(pids.flatMap((pid) => [pid, pid, pid]).sort());
  expect(plugin.status().instances.map(({ inFlight }) => inFlight)).toEqual([3, 3, 3]);
  all.abort();
  await poll(
    () => plugin.status().instances.map(({ inFlight }) => inFlight),
    (inFlight) => inFlight.join() === '0,0,0',
  );
  // Two of them are busy: all else goes to the third.
  const two = new AbortController();
  const [one, other] = [await occupy(plugin, two.signal), await occupy(plugin, two.signal)];
  const [third] = pids.filter((pid) => pid !== one && pid !== other);
  for (let i = 0; i < 10; i++) expect((await client.get({})).pid).toBe(third);
  two.abort();
});

atOnce(
  'one that is killed takes no idempotent call with it; the others serve, and another one takes its place',
  async () => {
    const ledger = room().ledger('kv');
    const plugin = await moody().load(room(), { instances: 3, restart: patient });
    const load = await Load.start(plugin, ledger, { unary: 16, streams: false, restMs: 1 });
    for (let i = 0; i < 3; i++) {
      const pids = await three(plugin);
      const answered = ledger.entries.length;
      await poll(
        () => ledger.entries.length,
        (length) => length > answered + 50,
      );
      const victim = pids[i] ?? 0;
      await killNow(victim);
      await poll(
        () => serving(plugin),
        (now) => now.length === 3 && !now.includes(victim),
      );
    }
    await load.stop();
    expect(ledger.wrong).toEqual([]);
    // It was never down for a moment.
    expect(room().events.flatMap((event) => (event.type === 'plugin' ? [event.to] : []))).toEqual([
      'starting',
      'serving',
    ]);
    expect(room().host.snapshot().plugins[0]?.statistics.restarts).toMatchObject({
      lost: { crash: 3 },
      restarts: 3,
    });
  },
);

atOnce('one that never comes back leaves the others serving, and a restart brings back all', async () => {
  const plugin = await moody().load(room(), { instances: 3, restart: { policy: 'never' } });
  await tell(plugin, 'exit:1');
  await tell(plugin, 'exit:1');
  await poll(
    () => serving(plugin).length,
    (length) => length === 1,
  );
  expect(plugin.status().state).toBe('serving');
  expect(await plugin.client(KvDefinition).get({})).toMatchObject({ pid: serving(plugin)[0] });
  // Told once their last words have been read.
  await poll(
    () => room().events.filter((event) => event.type === 'restart' && event.phase === 'given-up').length,
    (count) => count === 2,
  );
  await tell(plugin, 'exit:1');
  await poll(
    () => plugin.status().state,
    (state) => state === 'failed',
  );
  await plugin.restart();
  expect(await three(plugin)).toHaveLength(3);
});

atOnce('all that die at once are all replaced, and calls wait for the first', async () => {
  // A call may meet all the dead before any of their connections is seen to have broken.
  const plugin = await moody().load(room(), { instances: 3, restart: patient, attempts: 4 });
  const client = plugin.client(KvDefinition);
  const pids = await three(plugin);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  const answers = await Promise.all(Array.from({ length: 6 }, () => client.get({})));
  for (const { pid } of answers) expect(pids).not.toContain(pid);
  expect(await three(plugin)).toHaveLength(3);
  await poll(
    () => room().processes().length,
    (length) => length === 3,
  );
});

atOnce(
  'an upgrade swaps all of them at once, without a failed call, and leaves none of the old',
  async () => {
    const ledger = room().ledger('kv');
    const plugin = await moody().load(room(), { instances: 3 });
    const old = await three(plugin);
    const load = await Load.start(plugin, ledger, { unary: 8, restMs: 2 });
    const report = await plugin.upgrade({
      version: '2.0.0',
      env: { ...moody().options().env, ROOM_MARK: room().mark, MOODY_VERSION: '2.0.0' },
    });
    await poll(
      () => new Set(ledger.entries.filter(({ version }) => version === '2.0.0').map(({ pid }) => pid)).size,
      (processes) => processes === 3,
    );
    await load.stop();
    expect(report).toMatchObject({ outcome: 'swapped', calls: { cut: 0, failed: 0 } });
    expect(ledger.wrong).toEqual([]);
    expect(plugin.status()).toMatchObject({ version: '2.0.0', generation: 2 });
    expect(serving(plugin)).toHaveLength(3);
    expect(old.filter(isRunning)).toEqual([]);
  },
);

atOnce(
  'an upgrade of which one instance fails leaves the old ones serving, and nothing of the new',
  async () => {
    const plugin = await moody().load(room(), { instances: 3 });
    const old = await three(plugin);
    moody().shutGate();
    await expect(plugin.upgrade({ version: '2.0.0', startTimeoutMs: 700 })).rejects.toMatchObject({
      code: 'START_TIMEOUT',
    });
    expect(serving(plugin)).toEqual(old);
    expect(room().processes().sort()).toEqual([...old].sort());
    expect(plugin.status()).toMatchObject({ state: 'serving', version: '1.0.0', generation: 1 });
  },
);

atOnce('status and snapshot list each one, and the snapshot is plain data', async () => {
  const plugin = await moody().load(room(), { instances: 2 });
  await plugin.client(KvDefinition).get({});
  const snapshot = room().host.snapshot();
  expect(JSON.parse(JSON.stringify(snapshot))).toEqual({
    ...snapshot,
    plugins: [
      {
        ...plugin.status(),
        statistics: {
          calls: {
            started: 1,
            ended: 1,
            cut: 0,
            lost: 0,
            retried: 0,
            excused: 0,
            resumed: 0,
            longestWaitMs: 0,
          },
          held: { held: 0, heldEver: 0, heldMost: 0, refused: 0, expired: 0 },
          restarts: {
            lost: { crash: 0, unhealthy: 0, 'connection-lost': 0, limit: 0 },
            restarts: 0,
            failedStarts: 0,
            givenUp: 0,
          },
        },
      },
    ],
  });
  expect(snapshot.plugins[0]?.instances.map(({ state, inFlight }) => [state, inFlight])).toEqual([
    ['serving', 0],
    ['serving', 0],
  ]);
  expect(snapshot.events.emitted).toBe(room().events.at(-1)?.sequence);
  expect(snapshot.stalls.multiplier).toBeGreaterThanOrEqual(1);
});

atOnce('pinned work stays with one instance, and is counted by that one', async () => {
  const plugin = await moody().load(room(), { instances: 3 });
  await plugin.pinned(async (scope) => {
    const pids = await Promise.all(
      Array.from({ length: 9 }, async () => (await scope.client(KvDefinition).get({})).pid),
    );
    expect(new Set(pids).size).toBe(1);
    const [pid] = pids;
    const busy = plugin.status().instances.filter(({ inFlight }) => inFlight > 0);
    expect(busy.map((instance) => instance.pid)).toEqual([pid]);
  });
});
