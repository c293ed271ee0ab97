import type { OperationProgress, UpgradeReport } from '@plugd/host';
import { KvDefinition } from '@plugd/protocol/gen/samples/kv/v1/kv';
import { roomsAtOnce } from '../support/at-once';
import { failureOf, reaches, servingPid } from '../support/host-room';
import { Load } from '../support/load';
import { chaosTs, kvTs } from '../support/samples';
import { Gate } from './gate';

// What has a limit of its own asserts it; this one is only for tests that hang.
jest.setTimeout(60_000);

const { atOnce, room } = roomsAtOnce();

const second = { command: kvTs('2'), version: '2.0.0' };
const never = (): Promise<void> => new Promise(() => {});

atOnce('a dry run proves the new one and leaves everything as it was', async () => {
  const plugin = await room().load(kvTs('1'), { contract: [KvDefinition] });
  const before = plugin.status();
  const seen: { pid: number; servedBy: string }[] = [];
  const report = await plugin.upgrade({
    ...second,
    dryRun: true,
    verify: async (candidate) => {
      const answer = await candidate.client(KvDefinition).get({ key: 'k' });
      expect(answer.pid).toBe(candidate.pid);
      seen.push(answer);
    },
  });
  expect(report).toMatchObject({
    outcome: 'verified',
    from: { version: '1.0.0', pid: servingPid(plugin) },
    to: { version: '2.0.0', pid: seen[0]?.pid },
    calls: { drained: 0, cut: 0, failed: 0 },
  });
  expect(report.steps.map(({ step }) => step)).toEqual([
    'prepare',
    'start',
    'health',
    'contract',
    'verify',
    'stop',
  ]);
  expect(seen).toMatchObject([{ servedBy: '2.0.0' }]);
  expect(plugin.status()).toEqual(before);
  expect(room().processes()).toEqual([servingPid(plugin)]);
  // What it was tried with is not remembered.
  expect(await plugin.restart()).toMatchObject({ to: { version: '1.0.0' } });
});

atOnce('a second operation is refused by name, or waits for its turn', async () => {
  const plugin = await room().load(kvTs('1'));
  const gate = new Gate();
  const first = plugin.upgrade({ ...second, verify: () => gate.passed });
  await reaches(first, 'verify');
  for (const refused of [plugin.upgrade({ ...second, ifBusy: 'fail' }), plugin.restart({ ifBusy: 'fail' })]) {
    expect(await failureOf(refused)).toMatchObject({ code: 'BUSY', facts: { running: 'upgrade' } });
  }
  const waiting = [plugin.restart(), plugin.upgrade({ command: kvTs('1'), version: '1.0.0' })];
  gate.open();
  const reports = [await first, ...(await Promise.all(waiting))];
  expect(
    reports.map(({ operation, from, to }) => [operation, from.generation, to.generation, to.version]),
  ).toEqual([
    ['upgrade', 1, 2, '2.0.0'],
    ['restart', 2, 3, '2.0.0'],
    ['upgrade', 3, 4, '1.0.0'],
  ]);
  expect(await plugin.restart({ ifBusy: 'fail' })).toMatchObject({ outcome: 'swapped' });
});

atOnce('a restart puts the same version into a new process and fails no call', async () => {
  const ledger = room().ledger('kv');
  const plugin = await room().load(kvTs('1'), { args: ['kept'], cwd: room().runDir });
  const load = await Load.start(plugin, ledger, { unary: 8, endsWhenDraining: () => true });
  const before = servingPid(plugin);
  const report = await plugin.restart();
  await load.stop();
  expect(report).toMatchObject({
    operation: 'restart',
    outcome: 'swapped',
    from: { version: '1.0.0', generation: 1, pid: before },
    to: { version: '1.0.0', generation: 2, pid: servingPid(plugin) },
    calls: { cut: 0, failed: 0 },
    warnings: [],
  });
  expect(servingPid(plugin)).not.toBe(before);
  expect(report.steps.map(({ step }) => step)).toEqual([
    'prepare',
    'start',
    'health',
    'contract',
    'swap',
    'drain',
    'stop',
  ]);
  expect(ledger.wrong).toEqual([]);
  expect(new Set(ledger.entries.map(({ generation }) => generation))).toEqual(new Set([1, 2]));
});

atOnce.each([
  ['start', { command: chaosTs(), env: { CHAOS: 'grandchild-session;slow-start:60000' } }],
  ['health', { command: chaosTs(), env: { CHAOS: 'hang-health' } }],
  ['verify', { ...second, verify: never }],
] as const)(
  'a stop while an upgrade is in step %s gives it up, and leaves nothing',
  async (step, changes) => {
    const env = { ROOM_MARK: room().mark, ...('env' in changes ? changes.env : {}) };
    const plugin = await room().load(kvTs('1'));
    const handle = plugin.upgrade({ version: '2.0.0', ...changes, env, startTimeoutMs: 60_000 });
    await reaches(handle, step);
    await plugin.stop();
    expect(await failureOf(handle)).toMatchObject({ code: 'PLUGIN_STOPPED', facts: { step } });
    expect(room().processes()).toEqual([]);
    expect(room().files()).toEqual([]);
    expect(plugin.status()).toMatchObject({ state: 'stopped', instances: [] });
    // Stopped is for good; the name is free.
    expect(await failureOf(plugin.upgrade(second))).toMatchObject({ code: 'PLUGIN_STOPPED' });
    expect(await failureOf(plugin.restart())).toMatchObject({ code: 'PLUGIN_STOPPED' });
    await plugin.stop();
    await expect(plugin.client(KvDefinition).get({ key: 'k' })).rejects.toMatchObject({
      codeName: 'UNAVAILABLE',
      pluginCode: 'ROUTE_CLOSED',
    });
    expect(room().host.plugin('kv')).toBeUndefined();
    await room().load(kvTs('1'));
  },
);

atOnce('an operation that waits when its plugin is stopped is told so', async () => {
  const plugin = await room().load(kvTs('1'));
  const first = plugin.upgrade({ ...second, verify: never });
  await reaches(first, 'verify');
  const waiting = [plugin.restart(), plugin.upgrade(second)];
  await plugin.stop();
  for (const handle of [first, ...waiting]) {
    expect(await failureOf(handle)).toMatchObject({ code: 'PLUGIN_STOPPED' });
  }
});

atOnce('closing the host during a start gives it up, and leaves nothing', async () => {
  const loading = room().load(chaosTs(), {
    env: { CHAOS: 'grandchild-session;slow-start:60000' },
    startTimeoutMs: 60_000,
  });
  const failure = failureOf(loading);
  while (room().processes().length < 2) await new Promise((next) => setTimeout(next, 5));
  await room().host.close();
  expect(['PLUGIN_STOPPED', 'HOST_CLOSED']).toContain((await failure).code);
  expect(room().processes()).toEqual([]);
  expect(await failureOf(room().load(kvTs('1')))).toMatchObject({ code: 'HOST_CLOSED' });
});

atOnce('closing the host during an upgrade gives it up, and leaves nothing', async () => {
  const plugin = await room().load(kvTs('1'));
  const handle = plugin.upgrade({ ...second, verify: never });
  await reaches(handle, 'verify');
  expect(room().processes()).toHaveLength(2);
  await room().host.close();
  expect(await failureOf(handle)).toMatchObject({ code: 'PLUGIN_STOPPED', facts: { step: 'verify' } });
  expect(room().processes()).toEqual([]);
});

atOnce('a handle gives its progress and its report as often as it is asked', async () => {
  const plugin = await room().load(kvTs('1'));
  const handle = plugin.upgrade(second);
  const live: OperationProgress[] = [];
  for await (const progress of handle) live.push(progress);
  const report: UpgradeReport = await handle;
  expect(await handle).toBe(report);
  const again: OperationProgress[] = [];
  for await (const progress of handle) again.push(progress);
  expect(again).toEqual(live);
  expect(live.map(({ step, phase }) => `${step} ${phase}`)).toEqual(
    report.steps.flatMap(({ step }) => [`${step} started`, `${step} done`]),
  );
  const times = live.map(({ elapsedMs }) => elapsedMs);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(report.totalMs).toBeGreaterThanOrEqual(times.at(-1) ?? Number.NaN);
});

atOnce(
  'the progress of an operation that fails ends without throwing; awaiting it throws, each time',
  async () => {
    const plugin = await room().load(kvTs('1'));
    const handle = plugin.upgrade({ ...second, verify: () => Promise.reject(new Error('no')) });
    const phases: string[] = [];
    for await (const { step, phase } of handle) phases.push(`${step} ${phase}`);
    expect(phases.slice(-4)).toEqual([
      'verify started',
      'verify failed',
      'end-new undoing',
      'end-new undone',
    ]);
    const error = await failureOf(handle);
    expect(error).toMatchObject({ code: 'VERIFY_FAILED', cause: { message: 'no' } });
    expect(await failureOf(handle)).toBe(error);
  },
);
